import { Writable } from 'node:stream';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import {
  NoCredentialsError,
  RoleSession,
  type WorkerCredentials,
} from '../../../agent/credentials/session.ts';
import { RefusalTracker } from '../../../agent/supervision/refusals.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;
const ROLE = 'arn:aws:iam::000000000000:role/worker';

let clock: ManualClock;
let lines: { level: string; msg: string; role: string }[];
let session: RoleSession;
let random: number;
/** The calls to STS. The test answers each of them. */
let calls: PromiseWithResolvers<WorkerCredentials>[];

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  calls = [];
  random = 1;
  const output = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  session = new RoleSession({
    roleArn: ROLE,
    clock,
    random: () => random,
    log: pino({ level: 'debug', base: null, formatters: { level: (level) => ({ level }) } }, output),
    refusals: new RefusalTracker(clock),
    assume: () => {
      const call = Promise.withResolvers<WorkerCredentials>();
      calls.push(call);
      return call.promise;
    },
  });
});

/** The answer of STS to the newest call. */
function answer(name: string): void {
  const Expiration = new Date(clock.now() + 60 * MINUTE).toISOString();
  calls.at(-1)?.resolve({ AccessKeyId: name, SecretAccessKey: 'secret', Token: 'token', Expiration });
}

const fail = (name: string) => calls.at(-1)?.reject(Object.assign(new Error(`${name}!`), { name }));
const key = async () => (await session.credentials()).AccessKeyId;

/** A session whose credentials were fetched so long ago. */
async function heldFor(minutes: number): Promise<void> {
  const first = key();
  answer('first');
  await first;
  await clock.advance(minutes * MINUTE);
}

test('STS is not called before a worker asks, and one call is enough for all workers', async () => {
  await clock.advance(60 * MINUTE);
  expect(calls).toHaveLength(0);
  const asked = [key(), key(), key()];
  answer('first');
  expect(await Promise.all(asked)).toEqual(['first', 'first', 'first']);
  expect(await key()).toBe('first');
  expect(calls).toHaveLength(1);
});

test('credentials are valid for at least half an hour: before that new ones are fetched in the background', async () => {
  await heldFor(29);
  expect(await key()).toBe('first');
  expect(calls).toHaveLength(1);
  await clock.advance(2 * MINUTE);
  expect(await key()).toBe('first');
  expect(calls).toHaveLength(2);
  answer('second');
  await clock.advance(0);
  expect(await key()).toBe('second');
});

test('when little time is left, a request waits for new credentials', async () => {
  await heldFor(46);
  const asked = key();
  answer('second');
  expect(await asked).toBe('second');
});

test('credentials that have ended are not given out', async () => {
  await heldFor(600);
  const asked = key();
  answer('second');
  expect(await asked).toBe('second');
});

test('workers do not notice an outage of STS while the current credentials are valid', async () => {
  await heldFor(46);
  const asked = key();
  fail('ServiceUnavailable');
  expect(await asked).toBe('first');
  await clock.advance(12 * MINUTE);
  const later = key();
  fail('ServiceUnavailable');
  expect(await later).toBe('first');
  await clock.advance(1.5 * MINUTE);
  const late = key();
  fail('ServiceUnavailable');
  await expect(late).rejects.toMatchObject({ denied: false, message: 'ServiceUnavailable!' });
  await clock.advance(MINUTE);
  const again = key();
  answer('second');
  expect(await again).toBe('second');
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    ['warn', 'STS gives no credentials for the workers yet'],
    ['info', 'workers get AWS credentials again'],
  ]);
});

test('a call that hangs delays a request for less than the second that SDKs wait, and is not aborted', async () => {
  const asked = expect(key()).rejects.toThrow(new NoCredentialsError('STS has not answered yet', false));
  await clock.advance(800);
  await asked;
  const again = key();
  answer('late');
  expect(await again).toBe('late');
  expect(calls).toHaveLength(1);
});

test('requests in a loop do not cause calls in a loop', async () => {
  for (let request = 0; request < 600; request += 1) {
    const asked = key().catch(() => undefined);
    fail('ServiceUnavailable');
    await asked;
    await clock.advance(100);
  }
  // Half a second, a second, two, ... up to fifteen, in a minute.
  expect(calls).toHaveLength(8);
});

test('one loop asks again for a refused role, however many workers have asked', async () => {
  random = 0.1;
  const refuse = async (ms: number) => {
    fail('AccessDenied');
    await clock.advance(ms);
  };
  for (let request = 0; request < 4; request += 1) {
    const asked = key().catch(() => undefined);
    await refuse(60);
    await asked;
  }
  for (let step = 0; step < 600; step += 1) await refuse(100);
  const before = calls.length;
  for (let step = 0; step < 150; step += 1) await refuse(100);
  // Fifteen seconds, and a tenth of the longest wait between two calls.
  expect(calls.length - before).toBeLessThanOrEqual(10);
});

test('a refused role is logged once, with what to do', async () => {
  for (let round = 0; round < 3; round += 1) {
    const asked = key();
    fail('AccessDenied');
    await expect(asked).rejects.toMatchObject({ denied: true });
    await clock.advance(15_000);
  }
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'error',
      role: ROLE,
      msg: 'workers get no AWS credentials: STS refuses their role; its trust policy has to let the role of this instance assume it',
    }),
  ]);
});

test('the wall clock may be wrong', async () => {
  const asked = key();
  calls.at(-1)?.resolve({
    AccessKeyId: 'first',
    SecretAccessKey: 's',
    Token: 't',
    Expiration: '1999-01-01T00:00:00Z',
  });
  expect(await asked).toBe('first');
  expect(await key()).toBe('first');
  expect(calls).toHaveLength(1);
});
