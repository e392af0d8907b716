import { setTimeout as delay } from 'node:timers/promises';

const SHORTEST_MS = 10;
const LONGEST_MS = 250;
/** The pause between two polls, as a fraction of the time waited so far: a poll of a fleet takes several calls. */
const SHARE = 0.1;

/**
 * Polls until `look` returns a value that is neither undefined nor false. The result is late by a tenth of the wait, and by a
 * quarter of a second at most.
 *
 * @throws Error that says what did not happen within `withinMs`
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const since = performance.now();
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    const waitedMs = performance.now() - since;
    if (waitedMs >= withinMs) throw new Error(`waited ${withinMs / 1000} s for ${what}`);
    await delay(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, waitedMs * SHARE)));
  }
}
