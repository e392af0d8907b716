import { setTimeout as delay } from 'node:timers/promises';

const INTERVAL_MS = 25;

/**
 * Resolves with the first value that is neither undefined nor false; for what can only be asked, not awaited.
 *
 * @throws Error that says what did not come, after `withinMs`
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= until) throw new Error(`waited ${withinMs / 1000} s for ${what}`);
    await delay(INTERVAL_MS);
  }
}
