import { expect, test } from 'vitest';
import { JobCatalogue } from '../../jobs/catalogue.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { type Bench, openBench } from './queue.ts';

const open = openBench();

const LOG_RUN = 'cat >> $JOURNAL; echo >> $JOURNAL; exit 65';

const message = (id: string, payload: string) => JSON.stringify({ mayfly: 1, id, payload });

const idsOf = async (bench: Bench) =>
  (await bench.deadLetters()).map(({ MessageAttributes }) => MessageAttributes?.['MayflyJobId']?.StringValue);

/** Sends these one after the other to an agent whose workers fail for good. */
async function settle(bench: Bench, ...bodies: string[]): Promise<void> {
  const agent = await bench.agent(LOG_RUN);
  agent.work.resume();
  for (const body of bodies) {
    await bench.send(body);
    await bench.empty();
  }
}

/** A job that failed, as an agent leaves it that dies before it has settled the message. */
async function failed(bench: Bench, id: string): Promise<void> {
  const nowMs = Date.now();
  const lease = { nowMs, leaseUntilMs: nowMs + 60_000, enqueuedAtMs: nowMs };
  await bench.table.claim({ id, messageId: 'first', instance: 'i-other', fence: 'f', ...lease });
  await bench.table.finish(id, 'f', 'failed', { endedAtMs: nowMs, refund: 0 });
}

test('of several messages of a job that fails one is dead-lettered', async () => {
  const bench = await open();
  await settle(bench, message('twice', 'one'), message('twice', 'two'));
  expect(await bench.journal()).toEqual(['one']);
  expect(await idsOf(bench)).toEqual(['twice']);
});

test('a message that comes again before it was dead-lettered is', async () => {
  const bench = await open();
  await failed(bench, 'in-between');
  await settle(bench, message('in-between', 'x'));
  expect(await bench.journal()).toEqual([]);
  expect(await idsOf(bench)).toEqual(['in-between']);
});

test('one that came again just before it was deleted is not dead-lettered once more', async () => {
  const bench = await open();
  await failed(bench, 'again');
  await settle(bench, message('again', 'x'), message('again', 'x'));
  expect(await idsOf(bench)).toEqual(['again']);
});

test('a table that takes no note of a dead letter holds nothing up, and no message is lost for it', async () => {
  const bench = await open();
  const fault = bench.cloud.faults.add({
    action: 'UpdateItem',
    when: (input) => JSON.stringify(input).includes('deadLetteredAt'),
    effect: { kind: 'error', code: 'AccessDeniedException', status: 400 },
  });
  await settle(bench, message('unnoted', 'one'), message('unnoted', 'two'));
  expect(fault.strikes).toBe(2);
  expect(await idsOf(bench)).toEqual(['unnoted', 'unnoted']);
});

test('a broken message with the id of a job says nothing of the job, and the other way round', async () => {
  const bench = await open();
  const broken = JSON.stringify({ mayfly: 1, id: 'mixed', payload: 'x', limitSeconds: 0 });
  await settle(bench, broken, message('mixed', 'x'), broken);
  expect(await idsOf(bench)).toEqual(['mixed', 'mixed', 'mixed']);
});

test('an id that is free again after a clean-up is one job, though an old message of it is still there', async () => {
  const bench = await open();
  const catalogue = new JobCatalogue(bench.clients.dynamodb, 'jobs');
  await failed(bench, 'freed');
  const ended = (await bench.table.get('freed')) as JobRecord;
  const nowMs = Date.now();
  await catalogue.bury(ended, nowMs, Math.ceil(nowMs / 1000) + 60);
  const record: JobRecord = { pk: 'job#freed', id: 'freed', state: 'queued', attempts: 0 };
  expect(await catalogue.createOnce(record)).toBe(true);
  await settle(bench, message('freed', 'x'), message('freed', 'x'));
  expect(await bench.journal()).toEqual(['x']);
});
