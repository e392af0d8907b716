import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AwsClock } from '../../aws/aws-clock.ts';
import { systemClock } from '../../aws/clock.ts';

/** A machine whose wall clock is wrong, and AWS's time, which is that of the test. */
class Machine {
  awsMs = Date.UTC(2026, 0, 1, 12);
  #monotonicMs = 50_000;
  wrongMs: number;
  readonly clock: AwsClock;

  constructor(wrongMs: number) {
    this.wrongMs = wrongMs;
    const now = () => this.awsMs + this.wrongMs;
    this.clock = new AwsClock({
      ...systemClock,
      now,
      machineNow: now,
      monotonic: () => this.#monotonicMs,
    });
  }

  pass(ms: number, monotonicMs = ms): void {
    this.awsMs += ms;
    this.#monotonicMs += monotonicMs;
  }

  /** A call with these times there and back. */
  call(thereMs: number, backMs: number): void {
    const startMs = this.#monotonicMs;
    this.pass(thereMs);
    const date = new Date(this.awsMs).toUTCString();
    this.pass(backMs);
    this.clock.learn(date, startMs);
  }

  get offMs(): number {
    return this.clock.now() - this.awsMs;
  }
}

const MINUTE = 60_000;

test.each([-20, 20])('a clock that is %i minutes off has AWS’s time after one response', (minutes) => {
  const machine = new Machine(minutes * MINUTE);
  expect(machine.clock.errorMs()).toBeUndefined();
  expect(machine.offMs).toBe(minutes * MINUTE);
  machine.call(20, 20);
  expect(Math.abs(machine.offMs)).toBeLessThanOrEqual(1040);
  expect(machine.clock.errorMs()).toBeLessThanOrEqual(1040);
  expect(machine.clock.machineNow()).toBe(machine.awsMs + minutes * MINUTE);
});

test('a right clock is used to the millisecond', () => {
  const machine = new Machine(0);
  for (let calls = 0; calls < 50; calls += 1) {
    machine.call(calls % 7, calls % 11);
    expect(machine.offMs).toBe(0);
    machine.pass(1234);
  }
});

test('it stays right when the machine’s clock is set', () => {
  const machine = new Machine(-20 * MINUTE);
  machine.call(20, 20);
  machine.wrongMs = 3 * MINUTE;
  expect(Math.abs(machine.offMs)).toBeLessThanOrEqual(1040);
  machine.wrongMs = 0;
  expect(machine.offMs).toBe(0);
});

test('a long call narrows the bounds little and widens none', () => {
  const machine = new Machine(-20 * MINUTE);
  machine.call(20_000, 10);
  expect(machine.clock.errorMs()).toBeGreaterThan(20_000);
  machine.call(10, 10);
  machine.call(10, 20_000);
  expect(machine.clock.errorMs()).toBeLessThan(1100);
});

test('after a suspension that the monotonic clock does not count, the first response corrects the time', () => {
  const machine = new Machine(-20 * MINUTE);
  machine.call(10, 10);
  machine.pass(600 * MINUTE, 0);
  machine.call(10, 10);
  expect(Math.abs(machine.offMs)).toBeLessThanOrEqual(1020);
});

test.each([undefined, '', 'yesterday'])('a response with the date %j changes nothing', (date) => {
  const { clock } = new Machine(0);
  clock.learn(date, 0);
  expect(clock.errorMs()).toBeUndefined();
});

test('AWS’s time is within the error however long calls take, and one quick response makes the error small', () => {
  const call = fc.record({
    thereMs: fc.integer({ min: 0, max: 20_000 }),
    backMs: fc.integer({ min: 0, max: 3000 }),
    pauseMs: fc.integer({ min: 0, max: 20_000 }),
  });
  const property = fc.property(
    fc.integer({ min: -3600_000, max: 3600_000 }),
    fc.array(call, { minLength: 1, maxLength: 30 }),
    (wrongMs, calls) => {
      const machine = new Machine(wrongMs);
      for (const { thereMs, backMs, pauseMs } of calls) {
        machine.call(thereMs, backMs);
        machine.pass(pauseMs);
        expect(Math.abs(machine.offMs)).toBeLessThanOrEqual(Number(machine.clock.errorMs()));
      }
      machine.call(5, 5);
      expect(machine.clock.errorMs()).toBeLessThanOrEqual(1011);
    },
  );
  fc.assert(property);
});
