import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../../aws/clock.ts';
import { resolvesWithin } from '../../lib/with-timeout.ts';
import { releaseBuffer } from './release-buffer.ts';
import { encodeFrame, FrameReader, PROTOCOL_VERSION } from './slot-frames.ts';

/** A slot says hello within milliseconds, on an overloaded machine within seconds. */
const HELLO_MS = 10_000;
/** If a slot cannot start, systemd closes the connection (mayfly-slot@.socket). */
const NO_HELLO = 'the slot ended before it said hello: journalctl -u "mayfly-slot@*" says why';

/** Gets what a slot sends. */
export interface SlotListener {
  onFrame(letter: string, fields: string[]): void;
  onOutput?(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  /** The connection has ended. */
  onLost(reason: string): void;
}

/**
 * A connection to a slot (systemd/mayfly-slot/). It lasts as long as the slot: when it ends, the slot and the worker in it
 * end too.
 */
export class SlotConnection {
  /** The home directory of its workers. */
  home = '';
  readonly #socket: Socket;
  readonly #onEnd: (slot: SlotConnection) => void;
  #listener: SlotListener | undefined;
  #lost: string | undefined;
  #pauses = 0;

  private constructor(socket: Socket, onEnd: (slot: SlotConnection) => void) {
    this.#socket = socket;
    this.#onEnd = onEnd;
    const reader = new FrameReader({
      onOutput: (stream, chunk) => this.#listener?.onOutput?.(stream, chunk),
      onFrame: (letter, fields) => this.#listener?.onFrame(letter, fields),
    });
    socket.on('data', (bytes: Buffer) => {
      reader.write(bytes);
      releaseBuffer(bytes);
    });
    socket.on('error', (error) => this.#lose(error.message));
    socket.on('close', () => this.#lose(this.home === '' ? NO_HELLO : 'the slot has ended'));
  }

  /**
   * Connects to a slot's socket, upon which systemd starts the slot.
   *
   * @param onEnd called when the connection has ended
   * @throws Error with a sentence: nobody listens, the slot refuses to work, or it has another protocol version
   */
  static async open(
    path: string,
    clock: Clock,
    onEnd: (slot: SlotConnection) => void,
  ): Promise<SlotConnection> {
    const slot = new SlotConnection(createConnection(path), onEnd);
    try {
      const hello = slot.#answer('H');
      if (!(await resolvesWithin(clock, HELLO_MS, hello))) {
        slot.#lose(`the slot did not say hello within ${HELLO_MS / 1000} s`);
      }
      const [version, home = ''] = await hello;
      if (version !== `${PROTOCOL_VERSION}`) {
        throw new Error(`the slot speaks version ${version} of the protocol, the agent ${PROTOCOL_VERSION}`);
      }
      slot.home = home;
      return slot;
    } catch (error) {
      slot.close();
      throw error;
    }
  }

  /**
   * Looks for a program with the rights and the `PATH` of a worker.
   *
   * @returns its path, or why it cannot be run
   */
  async find(
    name: string,
    directory: string,
    path: string,
  ): Promise<{ program: string } | { missing: string }> {
    this.send('C', name, directory, path);
    const [result, text = ''] = await this.#answer('C');
    return result === 'found' ? { program: text } : { missing: text };
  }

  send(letter: string, ...fields: (string | Buffer)[]): void {
    this.#socket.write(encodeFrame(letter, ...fields));
  }

  /** Sets who gets what the slot sends. There is one listener at a time. */
  listen(listener: SlotListener | undefined): void {
    this.#listener = listener;
    if (this.#lost !== undefined) listener?.onLost(this.#lost);
  }

  /** Reads nothing until the promise is settled. The slot then cannot send, and stops reading from its worker. */
  pauseUntil(until: Promise<void>): void {
    this.#pauses += 1;
    this.#socket.pause();
    const resume = () => {
      this.#pauses -= 1;
      if (this.#pauses === 0) this.#socket.resume();
    };
    until.then(resume, resume);
  }

  /** Ends the slot and the worker in it. */
  close(): void {
    this.#lose('the connection was closed');
  }

  #answer(letter: string): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.listen({
        onFrame: (received, fields) => {
          this.listen(undefined);
          if (received === letter) resolve(fields);
          else
            reject(new Error(received === 'X' ? fields[0] : `the slot answered ${letter} with ${received}`));
        },
        onLost: (reason) => reject(new Error(reason)),
      });
    });
  }

  #lose(reason: string): void {
    this.#socket.destroy();
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    this.#onEnd(this);
    this.#listener?.onLost(reason);
  }
}
