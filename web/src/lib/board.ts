import type { Priority, Task, TaskStatus } from './api/types';

/** A column of the board. */
export interface Column {
  key: string;
  title: string;
  statuses: TaskStatus[];
}

export const STATUS_COLUMNS: Column[] = [
  { key: 'submitted', title: 'To do', statuses: ['submitted'] },
  { key: 'working', title: 'Working', statuses: ['working'] },
  { key: 'input_required', title: 'Waiting for you', statuses: ['input_required'] },
  { key: 'paused', title: 'Paused', statuses: ['paused'] },
  { key: 'completed', title: 'Done', statuses: ['completed'] },
  { key: 'ended', title: 'Failed or canceled', statuses: ['failed', 'canceled'] },
];

export const PRIORITIES: Priority[] = ['critical', 'high', 'medium', 'low'];
export const PRIORITY_COLUMNS: { key: Priority; title: string }[] = [
  { key: 'critical', title: 'Critical' },
  { key: 'high', title: 'High' },
  { key: 'medium', title: 'Medium' },
  { key: 'low', title: 'Low' },
];

export const columnOf = (status: TaskStatus): string =>
  STATUS_COLUMNS.find((c) => c.statuses.includes(status))?.key ?? 'submitted';

export type Verb = 'pause' | 'resume' | 'cancel' | 'retry';
export type Move = { verb: Verb; saying: string } | { refused: string };

/** What putting a task into another column asks of the server. A task's status is the engine's: not every move is one. */
export function move(task: Pick<Task, 'status'>, to: string): Move {
  if (columnOf(task.status) === to) return { refused: 'It is there already.' };
  if (to === 'ended')
    return task.status === 'completed'
      ? { refused: 'A task that is done can’t be canceled.' }
      : { verb: 'cancel', saying: 'Cancel' };
  if (to === 'completed')
    return { refused: 'A task is done when its run delivers; no one can say so by hand.' };
  if (to === 'input_required') return { refused: 'Only agents put a task here, when they need an answer.' };
  if (to === 'submitted') return { refused: 'A task that has begun doesn’t go back; pause or cancel it.' };
  if (to === 'paused')
    return task.status === 'working' || task.status === 'submitted'
      ? { verb: 'pause', saying: 'Pause' }
      : { refused: 'Only work that goes on can be paused.' };
  switch (task.status) {
    case 'paused':
    case 'submitted':
      return { verb: 'resume', saying: 'Resume' };
    case 'failed':
    case 'canceled':
      return task.status === 'failed'
        ? { verb: 'retry', saying: 'Retry' }
        : { refused: 'A canceled task is over; give it again as a new one.' };
    case 'input_required':
      return { refused: 'It goes on once its question is answered.' };
    default:
      return { refused: 'It is over; follow it up with a new task.' };
  }
}

const RANK: Record<Priority, number> = { critical: 0, high: 1, medium: 2, low: 3 };

/** Which of these tasks wait for another one of them. */
export function blockedAmong(tasks: Task[]): (t: Task) => boolean {
  const undone = new Set(tasks.filter((t) => t.status !== 'completed').map((t) => t.id));
  return (t) => t.dependencies.some((d) => undone.has(d));
}

/** The most urgent first, then what changed last. */
export const byUrgency = (a: Task, b: Task): number =>
  RANK[a.priority] - RANK[b.priority] || b.updated_at.localeCompare(a.updated_at);
