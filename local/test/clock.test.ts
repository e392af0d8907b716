import { describe, expect, test } from 'vitest';
import { createSimulatedClock, startClock } from '../clock.ts';

describe('a running clock', () => {
  test('starts no timer once it is closed, not even for a periodic task that was running', async () => {
    const clock = startClock(1000);
    const { promise, resolve } = Promise.withResolvers<void>();
    let runs = 0;
    const begun = new Promise<void>((begin) => {
      clock.every(1, () => {
        runs += 1;
        begin();
        return promise;
      });
    });
    await begun;
    clock.close();
    clock.after(0, () => {
      runs += 1;
    });
    resolve();
    await new Promise((later) => setTimeout(later, 20));
    expect(runs).toBe(1);
  });

  test('passes faster by the factor of its speed', async () => {
    const clock = startClock(1000);
    const started = performance.now();
    await new Promise<void>((resolve) => clock.after(60_000, resolve));
    const spent = performance.now() - started;
    expect(spent).toBeGreaterThan(55);
    expect(spent).toBeLessThan(30_000);
  });

  test('never runs a periodic task twice at once', async () => {
    const clock = startClock(1000);
    let running = 0;
    let most = 0;
    let runs = 0;
    await new Promise<void>((resolve) => {
      const cancel = clock.every(1000, async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((slow) => setTimeout(slow, 10));
        running -= 1;
        runs += 1;
        if (runs === 5) {
          cancel();
          resolve();
        }
      });
    });
    expect(most).toBe(1);
  });

  test('leaves no timer when it is closed', async () => {
    const clock = startClock(1);
    const ran: string[] = [];
    clock.after(10, () => ran.push('after'));
    clock.every(10, () => void ran.push('every'));
    clock.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ran).toEqual([]);
  });

  test('waits longer than the longest timer', async () => {
    const clock = startClock(1);
    const ran: string[] = [];
    const cancel = clock.after(2 ** 32, () => ran.push('too early'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    cancel();
    expect(ran).toEqual([]);
  });
});

describe('a simulated clock', () => {
  test('runs tasks in the order in which they are due, with those that they schedule', async () => {
    const clock = createSimulatedClock(0);
    const seen: [string, number][] = [];
    clock.after(2000, () => seen.push(['b', clock.now()]));
    clock.after(1000, () => {
      seen.push(['a', clock.now()]);
      clock.after(500, () => seen.push(['a then', clock.now()]));
    });
    await clock.advance(1500);
    expect(seen).toEqual([
      ['a', 1000],
      ['a then', 1500],
    ]);
    await clock.advance(1000);
    expect(seen.at(-1)).toEqual(['b', 2000]);
    expect(clock.now()).toBe(2500);
  });

  test('repeats until it is cancelled, and waits for long tasks', async () => {
    const clock = createSimulatedClock(0);
    const ended: number[] = [];
    const cancel = clock.every(1000, async () => {
      await Promise.resolve();
      ended.push(clock.now());
    });
    await clock.advance(3000);
    expect(ended).toEqual([1000, 2000, 3000]);
    cancel();
    await clock.advance(3000);
    expect(ended).toHaveLength(3);
  });
});
