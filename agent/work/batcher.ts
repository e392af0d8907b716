import { LARGEST_BATCH } from '../../lib/limits.ts';
import type { EntryResults } from '../../store/queue.ts';

/** Calls at once: more only help when more waits than one call can take. */
const MOST_CALLS = 4;

interface Entry<Item> {
  item: Item;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Gathers single wishes into batch calls without delaying any: what comes while no call is under way leaves at once,
 * what comes during one leaves with the next. Each wish is told what became of it alone.
 */
export class Batcher<Item> {
  readonly #send: (items: Item[]) => Promise<EntryResults>;
  #waiting: Entry<Item>[] = [];
  #calls = 0;
  #scheduled = false;

  constructor(send: (items: Item[]) => Promise<EntryResults>) {
    this.#send = send;
  }

  /** Rejects with an `EntryError` if the entry was refused, with the call's error if all of the call failed. */
  add(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Once all that this turn of the event loop brings is there.
      setImmediate(() => {
        this.#scheduled = false;
        this.#pump();
      });
    });
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#calls < this.#allowedCalls()) {
      void this.#call(this.#waiting.splice(0, LARGEST_BATCH));
    }
  }

  #allowedCalls(): number {
    return this.#waiting.length >= LARGEST_BATCH ? MOST_CALLS : 1;
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
