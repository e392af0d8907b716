/**
 * The protocol of a connection to a slot. A frame is the length of the payload (4 bytes, big-endian), a letter, and the
 * payload. systemd/mayfly-slot/agent.py, the other end, lists the letters and fields.
 */

/** To be raised at both ends when a frame changes. */
export const PROTOCOL_VERSION = 2;

const HEADER_BYTES = 5;
const OUTPUTS: Partial<Record<string, 'stdout' | 'stderr'>> = { '1': 'stdout', '2': 'stderr' };

/** Encodes a frame of fields, each after its length. */
export function encodeFrame(letter: string, ...fields: (string | Buffer)[]): Buffer {
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
 * Joins arguments or variables with NUL, which they cannot contain.
 *
 * @throws RangeError naming the text that contains a NUL
 */
export function joinWithNul(texts: readonly string[], what: string): string {
  const wrong = texts.find((text) => text.includes('\0'));
  if (wrong !== undefined) throw new RangeError(`${what} with a NUL character: ${JSON.stringify(wrong)}`);
  return texts.join('\0');
}

export interface FrameHandlers {
  /** Gets a part of a worker's output, as it was read. The chunk is valid until this returns. */
  onOutput(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  onFrame(letter: string, fields: string[]): void;
}

/** Splits the bytes of a connection into frames, however they arrive. */
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
    this.#handlers.onFrame(this.#letter, decodeFields(payload));
  }
}

function decodeFields(payload: Buffer): string[] {
  const fields: string[] = [];
  for (let at = 0; at < payload.length; ) {
    const start = at + 4;
    at = start + payload.readUInt32BE(at);
    fields.push(payload.toString('utf8', start, at));
  }
  return fields;
}
