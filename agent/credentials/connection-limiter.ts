import type { Socket } from 'node:net';
import type { Clock } from '../../aws/clock.ts';

/** Between two checks of whose connections they are. SDKs wait a second for an answer. */
const CHECK_MS = 50;
/** How many may wait for a check. Connections beyond that are dropped without one. */
const MAX_UNCHECKED = 4096;

export interface ConnectionLimiterOptions {
  /** How many may be open at once, all users together. */
  maxOpen: number;
  /**
   * Finds the user of each connection's remote end, by its address and port (`127.0.0.1:40000`). If it rejects, all
   * connections count as one user's.
   */
  findUsers: () => Promise<ReadonlyMap<string, number>>;
  clock: Clock;
}

/**
 * Limits the connections of a server on loopback so that no user can keep the others out. If there are too many, it closes
 * connections of the user that has the most. Each slot has its own user, so each job has its share.
 */
export class ConnectionLimiter {
  readonly #options: ConnectionLimiterOptions;
  /** With their remote ends, oldest first. */
  readonly #open = new Map<Socket, string>();
  #isClosing = false;

  constructor(options: ConnectionLimiterOptions) {
    this.#options = options;
  }

  add(socket: Socket): void {
    if (this.#open.size >= this.#options.maxOpen + MAX_UNCHECKED) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, `${socket.remoteAddress}:${socket.remotePort}`);
    socket.once('close', () => this.#open.delete(socket));
    if (!this.#isClosing) void this.#closeExcess();
  }

  async #closeExcess(): Promise<void> {
    const { maxOpen, findUsers, clock } = this.#options;
    this.#isClosing = true;
    while (this.#open.size > maxOpen) {
      const known = await findUsers().catch(() => new Map<string, number>());
      for (const socket of selectExcess(groupByUser(this.#open, known), this.#open.size - maxOpen)) {
        this.#open.delete(socket);
        // A reset leaves no TIME_WAIT state, which the kernel would keep for a minute.
        socket.resetAndDestroy();
      }
      await clock.sleep(CHECK_MS);
    }
    this.#isClosing = false;
  }
}

function groupByUser(open: ReadonlyMap<Socket, string>, known: ReadonlyMap<string, number>): Socket[][] {
  return [...Map.groupBy(open.keys(), (socket) => known.get(open.get(socket) ?? '')).values()];
}

/**
 * Selects `count` items to remove, the newest of a user first. Always takes from the user that has the most left.
 *
 * @param byUser the items of each user, oldest first
 */
export function selectExcess<T>(byUser: readonly (readonly T[])[], count: number): T[] {
  const left = byUser.map((list) => [...list]);
  const selected: T[] = [];
  while (selected.length < count) {
    const largest = left.reduce((most, list) => (list.length > most.length ? list : most), []);
    const last = largest.pop();
    if (last === undefined) break;
    selected.push(last);
  }
  return selected;
}
