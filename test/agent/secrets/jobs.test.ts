import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import type { AgentConfig } from '../../../agent/config/agent-config.ts';
import { CACHE_MS } from '../../../agent/secrets/secret-cache.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import { judgeLaunch } from '../../../policy/breaker.ts';
import { fromItem } from '../../../store/item.ts';
import {
  type Agent,
  callsOf,
  type Fleet,
  LONG_RETIREMENT,
  openFleet,
  readSavedLogs,
  startAgent,
  TABLE,
  until,
} from '../../support/agent-fleet.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import {
  allowReading,
  createWorkerRole,
  denyReading,
  parameterArn,
  WORKER_ROLE,
} from '../../support/worker-role.ts';

const open = openFleet();

const OLD = 'hunter2';
const NEW = 'swordfish';
const SECRETS: AgentConfig['secrets'] = { TOKEN: { source: 'ssm', id: '/db/token' } };
const CONFIG = {
  workerRole: WORKER_ROLE,
  secrets: SECRETS,
  leaseSeconds: 60,
  retirement: LONG_RETIREMENT,
  retryBackoff: { firstSeconds: 0, factor: 1, longestSeconds: 0 },
};
/** The agent retires after half a second of refusals. */
const IMPATIENT = { ...CONFIG, retirement: { ...LONG_RETIREMENT, refusalSeconds: 0.5 } };

async function openWithSecret(value = OLD): Promise<Fleet> {
  const fleet = await open();
  await createWorkerRole(fleet);
  await allowReading(fleet, parameterArn('/db/token'));
  await put(fleet, value);
  return fleet;
}

async function put({ call }: Fleet, Value: string): Promise<void> {
  await call('ssm', 'PutParameter', { Name: '/db/token', Type: 'SecureString', Value, Overwrite: true });
}

/** The body of a job is the script of its worker. */
async function sendJobs(fleet: Fleet, count: number): Promise<void> {
  for (let job = 0; job < count; job += 1) await fleet.send(`echo "${job} $TOKEN" >>journal`);
}

/** What workers wrote: the number of the job, and the secret that it had. */
async function journal({ directory }: Fleet): Promise<[job: number, secret: string][]> {
  const text = await readFile(join(directory, 'journal'), 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines
    .map((line) => line.split(' ') as [string, string])
    .map(([job, secret]) => [Number(job), secret]);
}

const doneJobs = (agent: Agent, count: number) => until(agent.work, ({ jobsDone }) => jobsDone >= count);

/** The records of all jobs. */
async function readRecords({ clients }: Fleet): Promise<JobRecord[]> {
  const { Items = [] } = await clients.dynamodb.send(new ScanCommand({ TableName: TABLE }));
  const items = Items.map((item) => fromItem(item) as Record<string, unknown>);
  return items.filter(({ pk }) => String(pk).startsWith('job#')) as unknown as JobRecord[];
}

test('rotated in the middle of 100 jobs: each has the old or the new value, and a minute later all have the new one', async () => {
  const fleet = await openWithSecret();
  const secretsClock = new ManualClock();
  const concurrency = 4;
  await sendJobs(fleet, 100);
  const agent = await startAgent(fleet, { config: { ...CONFIG, concurrency }, secretsClock });
  await doneJobs(agent, 30);
  await put(fleet, NEW);
  await secretsClock.advance(CACHE_MS - 1);
  await doneJobs(agent, 60);
  await secretsClock.advance(1);
  // Jobs go on meanwhile. So many may have read the value before, and have not written it yet.
  const startedBefore = (await journal(fleet)).length + concurrency;
  await doneJobs(agent, 100);
  await until(agent.work, ({ running, settling }) => running + settling === 0);
  const seen = await journal(fleet);
  expect(seen.map(([job]) => job).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at));
  expect(new Set(seen.map(([, secret]) => secret))).toEqual(new Set([OLD, NEW]));
  // Until the minute is over, a job that starts has the value from before the rotation.
  expect(new Set(seen.slice(0, 60).map(([, secret]) => secret))).toEqual(new Set([OLD]));
  expect(new Set(seen.slice(startedBefore).map(([, secret]) => secret))).toEqual(new Set([NEW]));
  for (const record of await readRecords(fleet))
    expect(record).toMatchObject({ state: 'succeeded', attempts: 1 });
  expect(callsOf(fleet, 'GetParameter')).toHaveLength(2);
  await agent.lifecycle.stop();
});

describe('a secret that may not be read', () => {
  test('costs no attempt, is in the record of the job and of the instance, which ends, and the launch failed', async () => {
    const fleet = await openWithSecret();
    await denyReading(fleet);
    await sendJobs(fleet, 1);
    const agent = await startAgent(fleet, { config: IMPATIENT });
    const refused = await eventually('a recorded refusal', async () => {
      const { forecast } = await fleet.instanceRecord(agent.instance);
      return forecast?.refused;
    });
    const why = /^TOKEN \(\/db\/token\): AccessDeniedException: .* ssm:GetParameter/;
    expect(refused).toMatchObject({ what: 'secrets', error: expect.stringMatching(why) });
    const retirement = await agent.lifecycle.ended;
    expect(retirement).toMatchObject({
      ...{ reason: 'cannot-read-secrets', refusal: 'lasting', jobsDone: 0 },
      problem: expect.stringMatching(why),
    });
    const [job] = await readRecords(fleet);
    expect(job).toMatchObject({
      ...{ state: 'queued', attempts: 0 },
      reason: expect.stringMatching(
        /^the worker could not be started: its secrets could not be read: TOKEN \(\/db\/token\): AccessDenied/,
      ),
    });
    expect(await journal(fleet)).toEqual([]);
    expect((await readSavedLogs(fleet))[0]?.key).toMatch(/-cannot-read-secrets\.log$/);
    const { readyAt, retirement: recorded } = await fleet.instanceRecord(agent.instance);
    const launch = { readyAt, hasReported: true, present: false, ageMs: 60_000, ...recorded };
    expect(judgeLaunch(launch)).toBe('failed');
  });

  test('holds back the other jobs', async () => {
    const fleet = await openWithSecret();
    await denyReading(fleet);
    await sendJobs(fleet, 1);
    const agent = await startAgent(fleet, { config: CONFIG });
    await eventually('the refusal', () => agent.refusals.current.secrets);
    await until(agent.work, ({ running, settling }) => running + settling === 0);
    await sendJobs(fleet, 5);
    await eventually('two more tries', () => callsOf(fleet, 'GetParameter').length >= 3);
    expect(await readRecords(fleet)).toHaveLength(1);
    expect(agent.work.state()).toMatchObject({ running: 0, jobsDone: 0 });
    await allowReading(fleet, parameterArn('/db/token'));
    await doneJobs(agent, 6);
    expect((await journal(fleet)).length).toBe(6);
    await agent.lifecycle.stop();
  });
});

test('deleted in the middle: the next job costs no attempt, and runs when the secret is there again', async () => {
  const fleet = await openWithSecret();
  const secretsClock = new ManualClock();
  const agent = await startAgent(fleet, { config: CONFIG, secretsClock });
  await sendJobs(fleet, 1);
  await doneJobs(agent, 1);
  await fleet.call('ssm', 'DeleteParameter', { Name: '/db/token' });
  await secretsClock.advance(CACHE_MS);
  await sendJobs(fleet, 1);
  const refusedJob = () => readRecords(fleet).then((all) => all.find(({ state }) => state === 'queued'));
  expect(await eventually('the refusal', refusedJob)).toMatchObject({
    attempts: 0,
    reason: expect.stringContaining('TOKEN (/db/token): ParameterNotFound: Parameter /db/token not found.'),
  });
  await put(fleet, NEW);
  await eventually('the retry', async () => {
    await secretsClock.advance(15_000);
    return agent.refusals.current.secrets === undefined;
  });
  await doneJobs(agent, 2);
  expect((await journal(fleet)).map(([, secret]) => secret)).toEqual([OLD, NEW]);
  await agent.lifecycle.stop();
});

test('an outage in the middle: the job waits for its end, and loses no attempt', async () => {
  const fleet = await openWithSecret();
  const effect = { kind: 'error', code: 'InternalServerError', status: 500 } as const;
  const fault = fleet.faults.add({ action: 'GetParameter', effect });
  await sendJobs(fleet, 1);
  const agent = await startAgent(fleet, { config: CONFIG });
  await eventually('a refusal', () => agent.refusals.current.secrets);
  expect(agent.work.state()).toMatchObject({ running: 1, jobsDone: 0 });
  fault.remove();
  await doneJobs(agent, 1);
  await until(agent.work, ({ settling }) => settling === 0);
  const [job] = await readRecords(fleet);
  expect(job).toMatchObject({ state: 'succeeded', attempts: 1 });
  expect(job?.tries).toHaveLength(1);
  expect(agent.refusals.current.secrets).toBeUndefined();
  await agent.lifecycle.stop();
});
