import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../../aws/clock.ts';
import { giveBack } from '../work/lent.ts';
import { FrameReader, frame, PROTOCOL } from './slot-frames.ts';

/** A slot says hello within milliseconds; on a machine that is busy or swaps, within seconds. */
const HELLO_MS = 10_000;
/** systemd closes a connection that a slot which could not start has not taken (mayfly-slot@.socket). */
const NO_HELLO = 'the slot ended before it said hello: journalctl -u "mayfly-slot@*" says why';

/** Who waits for something from a slot. */
export interface SlotListener {
  onFrame(letter: string, fields: string[]): void;
  onOutput?(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  /** The connection has ended: nothing more comes. */
  onLost(reason: string): void;
}

/**
 * A connection to a slot (systemd/mayfly-slot/), for as long as both live. Its end is the end of the slot and of the
 * worker in it.
 */
export class SlotConnection {
  /** Home of its workers. */
  home = '';
  readonly #socket: Socket;
  readonly #onEnd: (slot: SlotConnection) => void;
  #listener: SlotListener | undefined;
  #lost: string | undefined;
  #holds = 0;

  private constructor(socket: Socket, onEnd: (slot: SlotConnection) => void) {
    this.#socket = socket;
    this.#onEnd = onEnd;
    const reader = new FrameReader({
      onOutput: (stream, chunk) => this.#listener?.onOutput?.(stream, chunk),
      onFrame: (letter, fields) => this.#listener?.onFrame(letter, fields),
    });
    socket.on('data', (bytes: Buffer) => {
      reader.write(bytes);
      giveBack(bytes);
    });
    socket.on('error', (error) => this.#lose(error.message));
    socket.on('close', () => this.#lose(this.home === '' ? NO_HELLO : 'the slot has ended'));
  }

  /**
   * Connects to a slot's socket, and systemd starts the slot.
   *
   * @param onEnd called when the connection has ended
   * @throws Error with a sentence: nobody listens, the slot refuses to work, or it is of another version
   */
  static async open(
    path: string,
    clock: Clock,
    onEnd: (slot: SlotConnection) => void,
  ): Promise<SlotConnection> {
    const slot = new SlotConnection(createConnection(path), onEnd);
    const patience = new AbortController();
    clock.sleep(HELLO_MS, patience.signal).then(
      () => slot.#lose(`the slot did not say hello within ${HELLO_MS / 1000} s`),
      () => undefined,
    );
    try {
      const [version, home = ''] = await slot.#answer('H');
      if (version !== `${PROTOCOL}`) {
        throw new Error(`the slot speaks version ${version} of the protocol, the agent ${PROTOCOL}`);
      }
      slot.home = home;
      return slot;
    } catch (error) {
      slot.close();
      throw error;
    } finally {
      patience.abort();
    }
  }

  /**
   * Looks for the program as a worker would.
   *
   * @returns its path, or why it cannot be run
   */
  async find(
    word: string,
    directory: string,
    path: string,
  ): Promise<{ program: string } | { missing: string }> {
    this.send('C', word, directory, path);
    const [result, text = ''] = await this.#answer('C');
    return result === 'found' ? { program: text } : { missing: text };
  }

  send(letter: string, ...fields: (string | Buffer)[]): void {
    this.#socket.write(frame(letter, ...fields));
  }

  /** Who gets what comes from now on: one at a time. */
  listen(listener: SlotListener | undefined): void {
    this.#listener = listener;
    if (this.#lost !== undefined) listener?.onLost(this.#lost);
  }

  /** Reads nothing more until the promise is settled; what the slot then cannot send, it does not read either. */
  hold(until: Promise<void>): void {
    this.#holds += 1;
    this.#socket.pause();
    const letGo = () => {
      this.#holds -= 1;
      if (this.#holds === 0) this.#socket.resume();
    };
    until.then(letGo, letGo);
  }

  /** The slot ends, and what runs in it. */
  close(): void {
    this.#lose('the connection was closed');
  }

  #answer(letter: string): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.listen({
        onFrame: (came, fields) => {
          this.listen(undefined);
          if (came === letter) resolve(fields);
          else reject(new Error(came === 'X' ? fields[0] : `the slot answered ${letter} with ${came}`));
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
