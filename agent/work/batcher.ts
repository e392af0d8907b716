import { SQS_MAX_BATCH_SIZE } from '../../lib/limits.ts';
import type { EntryResults } from '../../store/job-queue.ts';

/** Concurrent calls, if more entries wait than fit in one call. */
const MAX_CALLS = 4;

interface Entry<Item> {
  item: Item;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Combines single entries into batch calls without a delay: an entry that comes while there is no call is sent at once,
 * and one that comes during a call is sent with the next. Each entry gets its own result.
 */
export class Batcher<Item> {
  readonly #send: (items: Item[]) => Promise<EntryResults>;
  #waiting: Entry<Item>[] = [];
  #calls = 0;
  #scheduled = false;

  constructor(send: (items: Item[]) => Promise<EntryResults>) {
    this.#send = send;
  }

  /** Rejects with an `EntryError` if the entry was refused, and with the call's error if the whole call failed. */
  add(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Waits for the other entries of this turn of the event loop.
      setImmediate(() => {
        this.#scheduled = false;
        this.#pump();
      });
    });
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#calls < this.#allowedCalls()) {
      void this.#call(this.#waiting.splice(0, SQS_MAX_BATCH_SIZE));
    }
  }

  #allowedCalls(): number {
    return this.#waiting.length >= SQS_MAX_BATCH_SIZE ? MAX_CALLS : 1;
  }

  async #call(entries: Entry<Item>[]): Promise<void> {
    this.#calls += 1;
    try {
      const results = await this.#send(entries.map(({ item }) => item));
      entries.forEach(({ resolve, reject }, index) => {
        const error = results[index];
        if (error) reject(error);
        else resolve();
      });
    } catch (error) {
      for (const { reject } of entries) reject(error);
    } finally {
      this.#calls -= 1;
      this.#pump();
    }
  }
}
