import type { Socket } from 'node:net';
import type { Clock } from '../../aws/clock.ts';

/** Between two looks at whose connections they are. Far below the second that SDKs wait for an answer. */
const LOOK_MS = 50;
/** How many may wait for such a look. What comes beyond that within so short a time is dropped unseen. */
const MOST_UNSEEN = 4096;

export interface ConnectionsOptions {
  /** How many may be open at once, together. */
  most: number;
  /**
   * Whose they are: the user of each connection's other end, by its address and port (`127.0.0.1:40000`). Rejects where
   * that is not to be known; all are of one user then.
   */
  users: () => Promise<ReadonlyMap<string, number>>;
  clock: Clock;
}

/**
 * Bounds the connections of a server on loopback so that no user can keep the others out: where there are too many, those
 * go whose user has the most. Each slot has a user of its own, so that is each job's share.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** With their other ends, in the order in which they came. */
  readonly #open = new Map<Socket, string>();
  #making = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  add(socket: Socket): void {
    if (this.#open.size >= this.#options.most + MOST_UNSEEN) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, `${socket.remoteAddress}:${socket.remotePort}`);
    socket.once('close', () => this.#open.delete(socket));
    if (!this.#making) void this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    const { most, users, clock } = this.#options;
    this.#making = true;
    while (this.#open.size > most) {
      const known = await users().catch(() => new Map<string, number>());
      for (const socket of tooMany(byUser(this.#open, known), this.#open.size - most)) {
        this.#open.delete(socket);
        // Without a state of the connection that the kernel would keep for a minute.
        socket.resetAndDestroy();
      }
      await clock.sleep(LOOK_MS);
    }
    this.#making = false;
  }
}

function byUser(open: ReadonlyMap<Socket, string>, known: ReadonlyMap<string, number>): Socket[][] {
  return [...Map.groupBy(open.keys(), (socket) => known.get(open.get(socket) ?? '')).values()];
}

/**
 * Which have to go, the newest first, so that `count` do and nobody is left with more than those who lose one.
 *
 * @param held by their users
 */
export function tooMany<T>(held: readonly (readonly T[])[], count: number): T[] {
  const left = held.map((list) => [...list]);
  const gone: T[] = [];
  while (gone.length < count) {
    const largest = left.reduce((most, list) => (list.length > most.length ? list : most), []);
    const last = largest.pop();
    if (last === undefined) break;
    gone.push(last);
  }
  return gone;
}
