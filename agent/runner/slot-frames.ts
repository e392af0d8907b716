/**
 * What goes over a connection to a slot: a payload's length (4 bytes, big-endian), a letter, the payload. Letters and
 * fields are listed in systemd/mayfly-slot/agent.py, the other end.
 */

/** A change of a frame is a new version, here and there. */
export const PROTOCOL = 1;

const HEADER_BYTES = 5;
const OUTPUTS: Partial<Record<string, 'stdout' | 'stderr'>> = { '1': 'stdout', '2': 'stderr' };

/** A frame of fields: each with its length before it. */
export function frame(letter: string, ...fields: (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  for (const field of fields) {
    const bytes = typeof field === 'string' ? Buffer.from(field) : field;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
    size += 4 + bytes.length;
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(size);
  header.write(letter, 4, 'latin1');
  return Buffer.concat([header, ...parts]);
}

/**
 * Texts with a NUL between them: words or variables, which can hold none.
 *
 * @throws RangeError naming what holds one
 */
export function joined(texts: readonly string[], what: string): string {
  const wrong = texts.find((text) => text.includes('\0'));
  if (wrong !== undefined) throw new RangeError(`${what} with a NUL character: ${JSON.stringify(wrong)}`);
  return texts.join('\0');
}

export interface FrameHandlers {
  /** A part of a worker's output: it is not put together from several reads, not held, and lent until this returns. */
  onOutput(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  onFrame(letter: string, fields: string[]): void;
}

/** Takes the bytes of a connection apart, however they were cut on the way. */
export class FrameReader {
  readonly #handlers: FrameHandlers;
  #header = Buffer.alloc(0);
  #letter = '';
  #left = 0;
  #payload: Buffer[] = [];

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  write(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#left === 0) rest = this.#begin(rest);
      const part = rest.subarray(0, this.#left);
      rest = rest.subarray(part.length);
      this.#left -= part.length;
      if (this.#header.length === HEADER_BYTES) this.#take(part);
    }
  }

  /** Collects the header. Returns the bytes after it. */
  #begin(bytes: Buffer): Buffer {
    if (this.#header.length === HEADER_BYTES) this.#header = Buffer.alloc(0);
    const missing = HEADER_BYTES - this.#header.length;
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)]);
    if (this.#header.length === HEADER_BYTES) {
      this.#left = this.#header.readUInt32BE();
      this.#letter = this.#header.toString('latin1', 4);
    }
    return bytes.subarray(missing);
  }

  #take(part: Buffer): void {
    const stream = OUTPUTS[this.#letter];
    if (stream) {
      if (part.length > 0) this.#handlers.onOutput(stream, part);
      return;
    }
    this.#payload.push(Buffer.from(part));
    if (this.#left > 0) return;
    const payload = Buffer.concat(this.#payload);
    this.#payload = [];
    this.#handlers.onFrame(this.#letter, fieldsOf(payload));
  }
}

function fieldsOf(payload: Buffer): string[] {
  const fields: string[] = [];
  for (let at = 0; at < payload.length; ) {
    const start = at + 4;
    at = start + payload.readUInt32BE(at);
    fields.push(payload.toString('utf8', start, at));
  }
  return fields;
}
