/**
 * The cloud's clock. AWS's own periods (metric push, alarm evaluation, schedules, warm-up, pauses between launches)
 * are waited for on this clock and pass `speed` times faster than real time. Left alone: everything that belongs to
 * the queue (visibility, delay, long poll), to jobs (limits, run time) and to the agent (its own timers, the hook
 * time-outs that its heartbeats answer, and the notice that a Spot instance gets); and the time-outs of custom
 * resources.
 */
export interface CloudClock {
  /** How many cloud seconds pass in a real one; 1 is AWS's own pace. */
  readonly speed: number;
  /** It is a test's, and not that of any machine: requests are signed with another time. */
  readonly played?: boolean;
  /** Wall time, milliseconds since the epoch: real, never sped up, so that time stamps agree everywhere. */
  now(): number;
  /** Runs `task` once after `cloudMs` of the cloud's time. */
  after(cloudMs: number, task: () => void): Cancel;
  /** Runs `task` every `cloudMs` of the cloud's time, never twice at once. */
  every(cloudMs: number, task: () => Promise<void> | void): Cancel;
}

export type Cancel = () => void;

/** setTimeout fires at once for anything longer: longer waits are taken in steps. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** A clock that runs. `close` cancels all that is still waited for, and lets nothing be waited for any more. */
export function startClock(speed: number): CloudClock & { close(): void } {
  const pending = new Set<Cancel>();
  let closed = false;
  const clock: CloudClock = {
    speed,
    now: () => Date.now(),
    // What is at work while the cloud ends may not begin anew: it would keep the process alive.
    after: (cloudMs, task) => (closed ? () => {} : startTimer(cloudMs / speed, task, pending)),
    every: (cloudMs, task) => repeat(clock, cloudMs, task),
  };
  return {
    ...clock,
    close: () => {
      closed = true;
      for (const cancel of [...pending]) cancel();
    },
  };
}

function startTimer(ms: number, task: () => void, pending: Set<Cancel>): Cancel {
  const end = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const cancel = () => {
    clearTimeout(timer);
    pending.delete(cancel);
  };
  const wait = () => {
    const left = Math.max(0, end - performance.now());
    timer = setTimeout(
      () => {
        if (left > LONGEST_TIMEOUT_MS) return wait();
        pending.delete(cancel);
        task();
      },
      Math.min(left, LONGEST_TIMEOUT_MS),
    );
  };
  pending.add(cancel);
  wait();
  return cancel;
}

/** The next run is waited for from the start of the last one, or begins at once when that took longer. */
function repeat(clock: CloudClock, cloudMs: number, task: () => Promise<void> | void): Cancel {
  let cancelled = false;
  let cancel: Cancel = () => {};
  const run = async () => {
    const started = clock.now();
    await task();
    if (cancelled) return;
    const spent = (clock.now() - started) * clock.speed;
    cancel = clock.after(Math.max(0, cloudMs - spent), () => void run());
  };
  cancel = clock.after(cloudMs, () => void run());
  return () => {
    cancelled = true;
    cancel();
  };
}

/**
 * A clock for tests: time stands still until `advance` plays it, in the order in which things are due. `advance`
 * resolves when every task that became due, and every task that those scheduled within the span, has ended.
 */
export interface PlayedClock extends CloudClock {
  advance(cloudMs: number): Promise<void>;
}

export function playedClock(startMs = Date.UTC(2026, 0, 1)): PlayedClock {
  let now = startMs;
  const due: { atMs: number; task: () => unknown }[] = [];
  const after = (cloudMs: number, task: () => unknown): Cancel => {
    const entry = { atMs: now + cloudMs, task };
    due.push(entry);
    return () => {
      const index = due.indexOf(entry);
      if (index >= 0) due.splice(index, 1);
    };
  };
  const every = (cloudMs: number, task: () => Promise<void> | void): Cancel => {
    let cancelled = false;
    let cancel: Cancel = () => {};
    const run = async () => {
      await task();
      if (!cancelled) cancel = after(cloudMs, run);
    };
    cancel = after(cloudMs, run);
    return () => {
      cancelled = true;
      cancel();
    };
  };
  const advance = async (cloudMs: number) => {
    const end = now + cloudMs;
    for (;;) {
      const next = due.filter((entry) => entry.atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      due.splice(due.indexOf(next), 1);
      now = Math.max(now, next.atMs);
      await next.task();
    }
    now = end;
  };
  return { speed: 1, played: true, now: () => now, after, every, advance };
}
