/** Writes of one object that must not run beside each other: each waits for the one before. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Whether a write of this object is under way, or waits. */
  isTaken(bucket: string, key: string): boolean {
    return this.#last.has(placeOf(bucket, key));
  }

  /** Runs `write` when those before it have ended, however they did. */
  async take(bucket: string, key: string, write: () => Promise<void>): Promise<void> {
    const place = placeOf(bucket, key);
    const turn = (this.#last.get(place) ?? Promise.resolve()).catch(() => {}).then(write);
    this.#last.set(place, turn);
    await turn.finally(() => {
      if (this.#last.get(place) === turn) this.#last.delete(place);
    });
  }
}

const placeOf = (bucket: string, key: string): string => `${bucket}/${key}`;
