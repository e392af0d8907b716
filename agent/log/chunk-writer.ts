import type { LogMemory } from './log-memory.ts';

export interface ChunkWriterOptions {
  chunkBytes: number;
  memory: LogMemory;
  /** Writes a chunk. Rejects if it cannot be written. */
  write: (number: number, body: Buffer) => Promise<void>;
}

/** Concurrent writes of one stream, so that the bucket's latency does not limit the throughput. */
const MAX_WRITES = 4;

const INITIAL_BYTES = 16 * 1024;

/** Writes the bytes of one stream to the bucket in numbered chunks. The bytes are copied once and not kept. */
export class ChunkWriter {
  readonly #options: ChunkWriterOptions;
  readonly #pending = new Set<Promise<void>>();
  readonly #queue: (() => void)[] = [];
  readonly #done = new Map<number, number>();
  #writes = 0;
  #numbered = 0;
  #open: Buffer | undefined;
  #length = 0;
  #capacity = INITIAL_BYTES;
  #chunks = 0;
  #written = 0;

  constructor(options: ChunkWriterOptions) {
    this.#options = options;
  }

  /** Chunks written without a gap from the first one, and the bytes in them. */
  get chunks(): number {
    return this.#chunks;
  }

  get writtenBytes(): number {
    return this.#written;
  }

  /** Whether a write is pending that will release memory. */
  get isWriting(): boolean {
    return this.#pending.size > 0;
  }

  add(bytes: Buffer): void {
    for (let rest = bytes; rest.length > 0; ) {
      const open = this.#makeRoom(rest.length);
      const copied = rest.copy(open, this.#length);
      this.#length += copied;
      rest = rest.subarray(copied);
      if (this.#length === this.#options.chunkBytes) {
        this.cut();
        // The next chunk will probably be full too.
        this.#capacity = this.#options.chunkBytes;
      }
    }
  }

  /** Writes the open chunk, full or not. */
  cut(): void {
    const buffer = this.#open;
    if (!buffer) return;
    const body = buffer.subarray(0, this.#length);
    this.#open = undefined;
    this.#length = 0;
    this.#capacity = INITIAL_BYTES;
    this.#numbered += 1;
    const writing = this.#write(this.#numbered, body).then((isWritten) => {
      this.#options.memory.free(buffer, isWritten);
      this.#pending.delete(writing);
    });
    this.#pending.add(writing);
  }

  /** Resolves when all chunks that were cut are written or have failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Returns the open chunk with room for at least some of the bytes. It grows as needed, as most logs are short. */
  #makeRoom(wanted: number): Buffer {
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

  /** Returns whether the chunk is written. If not, it is a gap, and its memory may still be in use. Never rejects. */
  async #write(number: number, body: Buffer): Promise<boolean> {
    if (this.#writes >= MAX_WRITES) await new Promise<void>((resolve) => this.#queue.push(resolve));
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
