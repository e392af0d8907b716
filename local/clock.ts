/**
 * The cloud's clock. AWS's own periods (metric push, alarm evaluation, schedules, warm-up, pauses between launches)
 * use this clock and pass `speed` times faster than real time. Everything else is real time: queues (visibility,
 * delay, long poll), jobs (limits, run time), the agent (its own timers, the hook time-outs that its heartbeats
 * answer, the Spot notice), and the time-outs of custom resources.
 */
export interface CloudClock {
  /** How many seconds of the cloud pass in a real one; 1 is AWS's own speed. */
  readonly speed: number;
  /** A test controls this clock. Requests are signed by the machine's clock instead. */
  readonly simulated?: boolean;
  /** Real time in milliseconds since the epoch, never sped up, so that time stamps agree everywhere. */
  now(): number;
  /** Runs `task` once after `cloudMs` of the cloud's time. */
  after(cloudMs: number, task: () => void): Cancel;
  /** Runs `task` every `cloudMs` of the cloud's time, never twice at once. */
  every(cloudMs: number, task: () => Promise<void> | void): Cancel;
}

export type Cancel = () => void;

/** setTimeout fires at once for a longer time, so longer waits are split. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** A running clock. `close` cancels all timers and starts no new ones. */
export function startClock(speed: number): CloudClock & { close(): void } {
  const pending = new Set<Cancel>();
  let closed = false;
  const clock: CloudClock = {
    speed,
    now: () => Date.now(),
    // What still runs while the cloud closes must not start a timer, which would keep the process alive.
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

/** Measures the interval from the start of the last run. If the run took longer, the next one starts at once. */
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
 * A clock for tests: time stands still until `advance` moves it. Tasks run in the order in which they are due.
 * `advance` resolves when every task that became due, and every task that those scheduled within the span, has ended.
 */
export interface SimulatedClock extends CloudClock {
  advance(cloudMs: number): Promise<void>;
}

export function createSimulatedClock(startMs = Date.UTC(2026, 0, 1)): SimulatedClock {
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
  return { speed: 1, simulated: true, now: () => now, after, every, advance };
}
