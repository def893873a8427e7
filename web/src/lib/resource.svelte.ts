import { asApiError, type ApiError } from './api/error';

/**
 * Something read from the server: loading, there, or not there and why. What was there before stays while it is read anew, also when
 * that fails.
 */
export class Resource<T> {
  data = $state.raw<T | undefined>(undefined);
  error = $state.raw<ApiError | null>(null);
  loading = $state(false);
  private run = 0;

  constructor(private readonly read: () => Promise<T>) {}

  /** Reads it. A slower, older reading never overwrites a newer one. */
  async load(): Promise<void> {
    const run = ++this.run;
    this.loading = true;
    try {
      const data = await this.read();
      if (run !== this.run) return;
      if (data !== this.data) this.data = data;
      this.error = null;
    } catch (error) {
      if (run === this.run) this.error = asApiError(error);
    } finally {
      if (run === this.run) this.loading = false;
    }
  }

  /** The first reading is under way and nothing is there to show. */
  get empty(): boolean {
    return this.data === undefined && !this.error;
  }
}

/** Calls at most once per `ms`, and once more at the end: many events become few readings. */
export function throttle(ms: number, run: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  return () => {
    if (timer) {
      again = true;
      return;
    }
    run();
    timer = setTimeout(function tick() {
      timer = undefined;
      if (again) {
        again = false;
        run();
        timer = setTimeout(tick, ms);
      }
    }, ms);
  };
}
