import { beforeEach, expect, test } from 'vitest';
import { RepeatedRun } from '../../../agent/runner/repeated-run.ts';
import { notStarted, type RunEnd } from '../../../agent/runner/runner.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type ManualRun, ManualRunner } from '../../support/manual-runner.ts';

const DELAY_MS = 5000;
const failed = { kind: 'exited', status: 1, stopped: false };

let clock: ManualClock;
let runner: ManualRunner;
let repeated: RepeatedRun;
let end: RunEnd | undefined;

beforeEach(() => {
  clock = new ManualClock();
  runner = new ManualRunner();
  end = undefined;
  const task = { stdin: '', argument: undefined, variables: {} };
  repeated = new RepeatedRun({ start: () => runner.start(task), clock });
  void repeated.ended.then((how) => {
    end = how;
  });
});

const latest = () => runner.runs.at(-1) as ManualRun;

/** Ends the current run, without any time passing. */
async function finish(how: (run: ManualRun) => void): Promise<void> {
  how(latest());
  await clock.advance(0);
}

test('the command is repeated with a delay until it exits with 0', async () => {
  await finish((run) => run.exit(1));
  await clock.advance(DELAY_MS - 1);
  expect(runner.runs).toHaveLength(1);
  await clock.advance(1);
  expect(runner.runs).toHaveLength(2);
  // However long a run takes, the next does not start beside it.
  await clock.advance(10 * DELAY_MS);
  expect(runner.runs).toHaveLength(2);
  await finish((run) => run.exit(75));
  await clock.advance(DELAY_MS);
  expect(end).toBeUndefined();
  await finish((run) => run.exit(0));
  expect(end).toEqual({ kind: 'exited', status: 0, stopped: false });
  await clock.advance(10 * DELAY_MS);
  expect(runner.runs).toHaveLength(3);
});

test('exit status 65 ends it at once', async () => {
  await finish((run) => run.exit(65));
  expect(end).toEqual({ kind: 'exited', status: 65, stopped: false });
});

test('a run that is lost with its slot is the last, and so is one that is not started', async () => {
  await finish((run) => run.exit(1));
  await clock.advance(DELAY_MS);
  await finish((run) => run.lose());
  expect(end).toMatchObject({ kind: 'lost' });
  const never = new RepeatedRun({ start: () => notStarted('EAGAIN'), clock });
  expect(await never.ended).toEqual({ kind: 'not-started', reason: 'EAGAIN' });
});

test('a stop in the delay ends it at once, as its last run, but stopped', async () => {
  await finish((run) => run.exit(1));
  repeated.stop(1000);
  await clock.advance(0);
  expect(end).toEqual({ ...failed, stopped: true });
  await clock.advance(10 * DELAY_MS);
  expect(runner.runs).toHaveLength(1);
});

test('a stop during a run stops that run, with its grace period', async () => {
  repeated.stop(1000);
  repeated.stop(0);
  expect(latest().stops).toEqual([1000, 0]);
  await clock.advance(0);
  expect(end).toBeUndefined();
  await finish((run) => run.die());
  expect(end).toEqual({ kind: 'signalled', signal: 'SIGTERM', stopped: true });
  expect(runner.runs).toHaveLength(1);
});

test('a run that ended before the stop reached it is not repeated, and success remains success', async () => {
  repeated.stop(1000);
  await finish((run) => run.exit(1));
  expect(end).toEqual({ ...failed, stopped: true });
  const healthy = new RepeatedRun({
    start: () => runner.start({ stdin: '', argument: undefined, variables: {} }),
    clock,
  });
  healthy.stop(1000);
  latest().exit(0);
  expect(await healthy.ended).toEqual({ kind: 'exited', status: 0, stopped: false });
});

test('it knows how the command last ended by itself', async () => {
  expect(repeated.lastOwnEnd).toBeUndefined();
  await finish((run) => run.exit(7));
  await clock.advance(DELAY_MS);
  repeated.stop(0);
  await finish((run) => run.die());
  expect(end).toMatchObject({ kind: 'signalled', stopped: true });
  expect(repeated.lastOwnEnd).toEqual({ kind: 'exited', status: 7, stopped: false });
});

test.each([
  ['before it has written a result: that of the run before', undefined, 'first'],
  ['after it has written a result', 'second', 'second'],
])('its last run is stopped, %s', async (_, second, text) => {
  await finish((run) => run.exit(1, false, 'first'));
  await clock.advance(DELAY_MS);
  repeated.stop(1000);
  await finish((run) => run.exit(7, true, second));
  expect(end).toEqual({ kind: 'exited', status: 7, stopped: true, result: { text } });
});

test('its last run is stopped in the delay after it, and has no result: that of an earlier run does not count', async () => {
  await finish((run) => run.exit(1, false, 'first'));
  await clock.advance(DELAY_MS);
  await finish((run) => run.exit(1));
  repeated.stop(1000);
  await clock.advance(0);
  expect(end).toEqual({ ...failed, stopped: true });
});

test('a stop after its end does nothing', async () => {
  await finish((run) => run.exit(0));
  repeated.stop(0);
  await clock.advance(10 * DELAY_MS);
  expect(end).toEqual({ kind: 'exited', status: 0, stopped: false });
  expect(runner.runs).toHaveLength(1);
});
