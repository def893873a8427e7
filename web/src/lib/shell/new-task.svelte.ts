/** The dialog for a new task: any page may open it. */
class NewTaskStore {
  open = $state(false);
  project = $state<string | null>(null);
  show(project: string | null = null): void {
    this.project = project;
    this.open = true;
  }
}
export const newTask = new NewTaskStore();
