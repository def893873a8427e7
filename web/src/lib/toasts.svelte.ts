import { asApiError } from './api/error';

export interface Toast {
  id: number;
  tone: 'done' | 'failed';
  text: string;
  detail?: string;
  /** An id to quote. */
  quote?: string;
  undo?: () => void;
}

/** Short words about what was just done, or why it was not. */
class Toasts {
  items = $state<Toast[]>([]);
  private next = 1;

  say(text: string, undo?: () => void): void {
    this.add({ tone: 'done', text, ...(undo ? { undo } : {}) }, 5000);
  }
  fail(error: unknown, what?: string): void {
    const e = asApiError(error);
    this.add(
      {
        tone: 'failed',
        text: what ? `${what}: ${e.title}` : e.title,
        detail: [e.detail, e.hint].filter(Boolean).join(' '),
        ...(e.requestId ? { quote: e.requestId } : {}),
      },
      0,
    );
  }
  dismiss(id: number): void {
    this.items = this.items.filter((t) => t.id !== id);
  }
  private add(toast: Omit<Toast, 'id'>, ms: number): void {
    const id = this.next++;
    this.items = [...this.items.slice(-3), { ...toast, id }];
    if (ms) setTimeout(() => this.dismiss(id), ms);
  }
}
export const toasts = new Toasts();

/** Does something, says what was done, and says why not if it was not. True if it was. */
export async function attempt(run: () => Promise<unknown>, done: string, failed?: string): Promise<boolean> {
  try {
    await run();
    if (done) toasts.say(done);
    return true;
  } catch (error) {
    toasts.fail(error, failed);
    return false;
  }
}
