/** Runs the exclusive writes of an object one after the other. */
export class WriteQueue {
  readonly #last = new Map<string, Promise<void>>();

  /** Whether a write of this object is running or waiting. */
  isBusy(bucket: string, key: string): boolean {
    return this.#last.has(objectKey(bucket, key));
  }

  /** Runs `write` when the earlier ones have ended, also if they failed. */
  async run(bucket: string, key: string, write: () => Promise<void>): Promise<void> {
    const place = objectKey(bucket, key);
    const run = (this.#last.get(place) ?? Promise.resolve()).catch(() => {}).then(write);
    this.#last.set(place, run);
    await run.finally(() => {
      if (this.#last.get(place) === run) this.#last.delete(place);
    });
  }
}

const objectKey = (bucket: string, key: string): string => `${bucket}/${key}`;
