import type { Memory } from './memory.ts';

export interface ChunkOptions {
  chunkBytes: number;
  memory: Memory;
  /** Writes a chunk, and goes on until it is there or cannot be. */
  write: (number: number, body: Buffer) => Promise<void>;
}

/** Chunks of one stream that are on their way at once: a bucket answers only after its own time. */
const MOST_WRITES = 4;

const FIRST_BYTES = 16 * 1024;

/** The bytes of one stream on their way to the bucket, in numbered chunks. What comes is copied once, and let go. */
export class Chunks {
  readonly #options: ChunkOptions;
  readonly #underWay = new Set<Promise<void>>();
  readonly #queue: (() => void)[] = [];
  readonly #done = new Map<number, number>();
  #writes = 0;
  #numbered = 0;
  #open: Buffer | undefined;
  #length = 0;
  #capacity = FIRST_BYTES;
  #chunks = 0;
  #written = 0;

  constructor(options: ChunkOptions) {
    this.#options = options;
  }

  /** Chunks that are written, without a gap from the first, and the bytes in them. */
  get chunks(): number {
    return this.#chunks;
  }

  get written(): number {
    return this.#written;
  }

  /** Whether something is on its way that will give memory back. */
  get writing(): boolean {
    return this.#underWay.size > 0;
  }

  add(bytes: Buffer): void {
    for (let rest = bytes; rest.length > 0; ) {
      const open = this.#room(rest.length);
      const copied = rest.copy(open, this.#length);
      this.#length += copied;
      rest = rest.subarray(copied);
      if (this.#length === this.#options.chunkBytes) {
        this.cut();
        // More of this kind is to come.
        this.#capacity = this.#options.chunkBytes;
      }
    }
  }

  /** Sends off what there is, full or not. */
  cut(): void {
    const buffer = this.#open;
    if (!buffer) return;
    const body = buffer.subarray(0, this.#length);
    this.#open = undefined;
    this.#length = 0;
    this.#capacity = FIRST_BYTES;
    this.#numbered += 1;
    const writing = this.#write(this.#numbered, body).then((isThere) => {
      this.#options.memory.free(buffer, isThere);
      this.#underWay.delete(writing);
    });
    this.#underWay.add(writing);
  }

  /** Resolves when all that was cut is written, or cannot be. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** The open chunk, with room for some of the bytes at least: it grows with what comes, as most logs are short. */
  #room(wanted: number): Buffer {
    const { chunkBytes, memory } = this.#options;
    const open = this.#open;
    if (open && this.#length < open.length) return open;
    let capacity = open ? open.length * 4 : this.#capacity;
    while (capacity < this.#length + wanted && capacity < chunkBytes) capacity *= 4;
    const larger = memory.allocate(Math.min(capacity, chunkBytes));
    if (open) {
      open.copy(larger, 0, 0, this.#length);
      memory.free(open, true);
    }
    this.#open = larger;
    return larger;
  }

  /** Whether it is written; else it is a gap, and the memory may still be sent from. Never rejects. */
  async #write(number: number, body: Buffer): Promise<boolean> {
    if (this.#writes >= MOST_WRITES) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#writes += 1;
    try {
      await this.#options.write(number, body);
      this.#done.set(number, body.length);
      this.#count();
      return true;
    } catch {
      return false;
    } finally {
      this.#writes -= 1;
      this.#queue.shift()?.();
    }
  }

  #count(): void {
    for (;;) {
      const bytes = this.#done.get(this.#chunks + 1);
      if (bytes === undefined) return;
      this.#chunks += 1;
      this.#done.delete(this.#chunks);
      this.#written += bytes;
    }
  }
}
