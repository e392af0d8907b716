/** Runs the exclusive writes of an object one after the other. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Whether a write of this object is running or waiting. */
  isTaken(bucket: string, key: string): boolean {
    return this.#last.has(placeOf(bucket, key));
  }

  /** Runs `write` when the earlier ones have ended, also if they failed. */
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
