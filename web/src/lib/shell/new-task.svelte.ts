/** The dialog for a new task: any page may open it. */
class NewTaskStore {
  open = $state(false);
  project = $state<string | null>(null);
  /** What the form begins with, for a task that is given again. */
  description = '';
  /** Whether limits and the model are what is going to be changed. */
  settings = false;
  show(project: string | null = null, more: { description?: string; settings?: boolean } = {}): void {
    this.project = project;
    this.description = more.description ?? '';
    this.settings = more.settings ?? false;
    this.open = true;
  }
}
export const newTask = new NewTaskStore();
