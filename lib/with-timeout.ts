import type { Clock } from '../aws/clock.ts';

/** Bounds a call. After `ms` it aborts the signal that the call gets; the call then has to reject. */
export async function withTimeout<T>(
  clock: Clock,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const done = new AbortController();
  const timer = clock
    .sleep(ms, done.signal)
    .then(() => timeout.abort(new Error(`no answer within ${ms} ms`)))
    .catch(() => {});
  try {
    return await call(timeout.signal);
  } finally {
    done.abort();
    await timer;
  }
}

/** Waits for a promise for at most `ms`. Returns whether it resolved in time; rejects if the promise rejects before. */
export async function resolvesWithin(clock: Clock, ms: number, promise: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController();
  const timer = clock.sleep(ms, waiting.signal).then(
    () => false,
    () => true,
  );
  try {
    return await Promise.race([promise.then(() => true), timer]);
  } finally {
    waiting.abort();
  }
}
