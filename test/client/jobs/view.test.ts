import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { shownState } from '../../../client/job-state.ts';
import { createJobView, unknownView } from '../../../client/jobs/view.ts';
import type { JobRecord, Try } from '../../../jobs/record.ts';
import { FleetFactsSchema } from '../../../store/fleet-facts.ts';

const names = { queueUrl: 'https://q', table: 't', logBucket: 'logs', group: 'g' };
const facts = v.parse(FleetFactsSchema, { version: 1, fleet: 'S/F', region: 'eu-west-1', ...names });
const DAY_MS = 86_400_000;
const at = (seconds: number) => new Date(Date.UTC(2030, 0, 1) + seconds * 1000).toISOString();
const ms = (seconds: number) => Date.parse(at(seconds));

function record(rest: Partial<JobRecord>): JobRecord {
  return { pk: 'job#j-1', id: 'j-1', state: 'queued', attempts: 0, enqueuedAt: at(0), ...rest };
}

const first: Try = {
  key: 'k1',
  instance: 'i-1',
  startedAt: at(10),
  attempt: 1,
  endedAt: at(12.5),
  exitStatus: 1,
  log: { stdout: { bytes: 5, text: 'hello' }, stderr: { bytes: 0 } },
};
const second: Try = { key: 'k2', instance: 'i-2', startedAt: at(30) };

describe('the view of a job', () => {
  it('that is queued has its waiting time, and nothing that is not known', () => {
    expect(createJobView(record({ expires: ms(100) / 1000 }), facts, ms(7))).toEqual({
      id: 'j-1',
      state: 'queued',
      finished: false,
      attempts: 0,
      enqueuedAt: at(0),
      waitedSeconds: 7,
      expiresAt: at(100),
      tries: [],
    });
  });

  it('has the body in the record, or its beginning and its location', () => {
    const bodyOf = (rest: Partial<JobRecord>) => {
      const { body, bodyStart, bodyBytes, bodyLocation } = createJobView(record(rest), facts, ms(7));
      return { body, bodyStart, bodyBytes, bodyLocation };
    };
    expect(bodyOf({ body: 'a.mov' })).toEqual({ body: 'a.mov' });
    const long = { bodyStart: 'x', bodyBytes: 2000 };
    expect(bodyOf(long)).toEqual(long);
    expect(bodyOf({ ...long, bodyKey: 'bodies/j-1', bodyDigest: 'd' })).toEqual({
      ...long,
      bodyLocation: 's3://logs/bodies/j-1',
    });
  });

  it('that runs has its instance and its duration, and the end of its earlier try', () => {
    const running = record({ state: 'running', attempts: 2, instance: 'i-2', startedAt: at(30) });
    const view = createJobView({ ...running, leaseUntilMs: ms(90), tries: [first, second] }, facts, ms(34));
    expect(view).toMatchObject({ state: 'running', instance: 'i-2', waitedSeconds: 10, ranSeconds: 4 });
    expect(view.reason).toBeUndefined();
    expect(view.tries).toEqual([
      {
        attempt: 1,
        instance: 'i-1',
        startedAt: at(10),
        endedAt: at(12.5),
        ranSeconds: 2.5,
        exitStatus: 1,
        log: { stdoutBytes: 5, stderrBytes: 0 },
      },
      { attempt: 2, instance: 'i-2', startedAt: at(30) },
    ]);
  });

  it('has no attempt for a try without a recorded end, because the next try may have the same', () => {
    const tries = [{ ...second, startedAt: at(20) }, second];
    const running = createJobView(record({ state: 'running', attempts: 2, tries }), facts, ms(34));
    expect(running.tries.map(({ attempt }) => attempt)).toEqual([undefined, 2]);
    const queued = createJobView(record({ attempts: 2, tries }), facts, ms(34));
    expect(queued.tries.map(({ attempt }) => attempt)).toEqual([undefined, undefined]);
  });

  it('says that its instance is silent', () => {
    const running = record({ state: 'running', attempts: 1, instance: 'i-2', startedAt: at(30) });
    expect(createJobView({ ...running, leaseUntilMs: ms(90) }, facts, ms(91))).toMatchObject({
      state: 'running',
      reason: `its instance has not reported since 2030-01-01T00:01:30Z: the job is settled when the instance is known to be gone`,
    });
  });

  it('that has ended has its exit status and the duration of its last try', () => {
    const ended = record({
      state: 'failed',
      attempts: 1,
      startedAt: at(10),
      endedAt: at(13),
      instance: 'i-1',
    });
    const view = createJobView({ ...ended, exitStatus: 1, reason: 'no', tries: [first] }, facts, ms(500));
    expect(view).toMatchObject({
      finished: true,
      exitStatus: 1,
      reason: 'no',
      ranSeconds: 2.5,
      waitedSeconds: 10,
    });
    expect(view.instance).toBeUndefined();
  });

  it.each([
    ['a text', 'done ü\n', 'done ü\n'],
    ['an object, if it is a JSON object', ' {"recap": {"ok": 3}}\n', { recap: { ok: 3 } }],
    ['the text of another JSON value', '[1, 2]', '[1, 2]'],
    ['the text of a number', '7', '7'],
    ['the text of null', 'null', 'null'],
    ['the text of an object that is cut off', '{"recap": ', '{"recap": '],
  ])('has the result of its last try: %s', (_, result, shown) => {
    const tries = [
      { ...first, result: 'an earlier one' },
      { ...second, endedAt: at(40), result },
    ];
    const view = createJobView(record({ attempts: 2, tries }), facts, ms(50));
    expect(view.result).toEqual(shown);
    expect(view.tries.map((one) => one.result)).toEqual(['an earlier one', shown]);
  });

  it('that runs again has no result, and neither has one whose last try left none', () => {
    const running = record({ state: 'running', attempts: 2, instance: 'i-2', startedAt: at(30) });
    const tries = [{ ...first, result: 'an earlier one' }, second];
    expect(createJobView({ ...running, tries }, facts, ms(34))).not.toHaveProperty('result');
    const problem = { ...second, endedAt: at(40), resultError: 'it is not UTF-8' };
    const view = createJobView(record({ attempts: 2, tries: [first, problem] }), facts, ms(50));
    expect(view).toMatchObject({
      resultError: 'it is not UTF-8',
      tries: [{}, { resultError: 'it is not UTF-8' }],
    });
    expect(view).not.toHaveProperty('result');
  });

  it('has the location of a log in the bucket, and its lost bytes', () => {
    const log = { stdout: { bytes: 9000, chunks: 2, lost: 7 }, stderr: { bytes: 1, chunks: 1 } };
    const view = createJobView(record({ tries: [{ ...first, log }] }), facts, ms(20));
    expect(view.log).toEqual({
      stdoutBytes: 9000,
      stderrBytes: 1,
      lostBytes: 7,
      location: 's3://logs/jobs/j-1/k1/',
    });
  });

  it('has no negative duration if clocks differ', () => {
    const early = record({ state: 'running', startedAt: at(-3), tries: [{ ...second, startedAt: at(-3) }] });
    expect(createJobView(early, facts, ms(-4))).toMatchObject({ waitedSeconds: 0, ranSeconds: 0 });
  });

  it('has no waiting time if its first tries are not recorded any more', () => {
    const tries = Array.from({ length: 20 }, (_, index) => ({ ...first, key: `k${index}` }));
    expect(createJobView(record({ state: 'queued', tries }), facts, ms(50)).waitedSeconds).toBeUndefined();
  });

  it('that is unknown has only its state', () => {
    expect(unknownView('j-9')).toEqual({
      id: 'j-9',
      state: 'unknown',
      finished: false,
      attempts: 0,
      tries: [],
    });
  });
});

describe('a job whose message exceeded the retention period', () => {
  const cases: [what: string, Partial<JobRecord>, atMs: number, state: string][] = [
    ['is lost', {}, ms(0) + 14 * DAY_MS + 1, 'lost'],
    ['is not lost before', {}, ms(0) + 14 * DAY_MS, 'queued'],
    ['is not lost while it runs', { state: 'running' }, ms(0) + 15 * DAY_MS, 'running'],
    ['is not lost when it had ended', { state: 'succeeded' }, ms(0) + 15 * DAY_MS, 'succeeded'],
  ];
  it.each(cases)('%s', (_, rest, nowMs, state) => {
    expect(shownState(record(rest), facts, nowMs)).toBe(state);
    expect(createJobView(record(rest), facts, nowMs).finished).toBe(
      state === 'lost' || state === 'succeeded',
    );
  });

  it('says why', () => {
    expect(createJobView(record({}), facts, ms(0) + 15 * DAY_MS).reason).toBe(
      'its message has exceeded the retention period of the queue',
    );
  });
});
