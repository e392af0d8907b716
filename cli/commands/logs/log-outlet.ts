import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { escapeText } from '../../terminal/escape.ts';
import { inLines } from '../../terminal/say.ts';
import type { Screen } from '../../terminal/screen.ts';

/** Whoever read the output has gone: there is nobody left to write for. */
export class ReaderGone extends Error {}

const NEWLINE = 0x0a;

/** A stream, which may be a terminal's. */
type Shown = Pick<Screen, 'isTTY' | 'columns'>;

/** Stdout or stderr as an outlet of a job's output: its bytes as they are, or on a terminal what is safe to show. */
export class Outlet {
  readonly #stream: Writable & Shown;
  /** Text of a job is shown on a terminal; a character may come in two pieces. */
  readonly #decoder: StringDecoder | undefined;
  #inLine = false;

  /** @param raw bytes as they are, on a terminal too */
  constructor(stream: Writable & Shown, raw: boolean) {
    this.#stream = stream;
    this.#decoder = stream.isTTY === true && !raw ? new StringDecoder('utf8') : undefined;
    // An error of a write is told by that write.
    stream.on('error', () => {});
  }

  /** Output of a job. Resolves when there is room for more; rejects with `ReaderGone`. */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#inLine = bytes.at(-1) !== NEWLINE;
    await this.#put(this.#decoder ? escapeText(this.#decoder.write(bytes)) : bytes);
  }

  /** A line of our own, safe to show, on a line of its own. */
  async say(line: string): Promise<void> {
    const newline = this.#inLine ? '\n' : '';
    this.#inLine = false;
    await this.#put(`${newline}${inLines(line, this.#stream)}\n`);
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
    if (!stream.writable) throw new ReaderGone();
  }
}
