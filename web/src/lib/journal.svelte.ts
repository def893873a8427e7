import { client } from './api/client';
import { asApiError, type ApiError } from './api/error';
import type { JournalItem, List } from './api/types';

/** The most that a list gives at once. */
const PAGE = 200;

/** A run's journal, from its first entry to the newest, read on from where it was. */
export class Journal {
  items = $state.raw<JournalItem[]>([]);
  error = $state.raw<ApiError | null>(null);
  loaded = $state(false);
  private reading = false;
  private again = false;

  constructor(private readonly run: string) {}

  /** Reads what came after the last entry that is here. Calls while one is under way become one more. */
  async catchUp(): Promise<void> {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    try {
      do {
        this.again = false;
        for (let more = true; more;) {
          const after = this.items.at(-1)?.seq ?? 0;
          const page = await client.get<List<JournalItem>>(`/runs/${this.run}/journal`, {
            query: { after, limit: PAGE },
            raw: true,
          });
          const last = this.items.at(-1)?.seq ?? 0;
          const fresh = page.items.filter((i) => i.seq > last);
          if (fresh.length) this.items = [...this.items, ...fresh];
          more = page.next_cursor !== null && fresh.length > 0;
        }
      } while (this.again);
      this.error = null;
      this.loaded = true;
    } catch (error) {
      this.error = asApiError(error);
    } finally {
      this.reading = false;
    }
  }
}
