import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { escapeText } from '../../terminal/escape.ts';
import { wrapLines } from '../../terminal/say.ts';
import type { Screen } from '../../terminal/screen.ts';

/** The reader of the output has closed the stream. */
export class ReaderGoneError extends Error {}

const NEWLINE = 0x0a;

type Terminal = Pick<Screen, 'isTTY' | 'columns'>;

/** Writes the output of a job to stdout or stderr: unchanged bytes, or on a terminal with control characters escaped. */
export class OutputWriter {
  readonly #stream: Writable & Terminal;
  /** For a terminal: a character may come in two pieces. */
  readonly #decoder: StringDecoder | undefined;
  #inLine = false;

  /** @param raw whether to write unchanged bytes to a terminal too */
  constructor(stream: Writable & Terminal, raw: boolean) {
    this.#stream = stream;
    this.#decoder = stream.isTTY === true && !raw ? new StringDecoder('utf8') : undefined;
    // The failed write reports the error.
    stream.on('error', () => {});
  }

  /** Writes output of the job. Resolves when the stream accepts more. Rejects with `ReaderGoneError`. */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#inLine = bytes.at(-1) !== NEWLINE;
    await this.#put(this.#decoder ? escapeText(this.#decoder.write(bytes)) : bytes);
  }

  /** Writes an escaped message on a line of its own. */
  async writeMessage(line: string): Promise<void> {
    const newline = this.#inLine ? '\n' : '';
    this.#inLine = false;
    await this.#put(`${newline}${wrapLines(line, this.#stream)}\n`);
  }

  async #put(content: string | Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream.writable && stream.write(content)) return;
    if (stream.writable) {
      const settled = new AbortController();
      const { signal } = settled;
      await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(
        () => {},
      );
      settled.abort();
    }
    if (!stream.writable) throw new ReaderGoneError();
  }
}
