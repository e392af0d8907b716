import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { RequestOptions } from '../../client/requests/types.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { requestJobId } from '../../jobs/released.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import { SUCCEEDS } from './played/chaos.ts';
import { type Operation, PlayedFleet } from './played/fleet.ts';
import { createRandom } from './played/random.ts';
import { cancelJob, changeRequest, request } from './played/scenario.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

/** A block of a thousand, and a few. */
const TARGETS = 1010;
const [FIRST, LAST] = [requestJobId('req', 'web', 1), requestJobId('req', 'web', TARGETS)];

let fleet: PlayedFleet;
beforeEach(() => {
  fleet = new PlayedFleet({
    ...{ seats, random: createRandom(1) },
    plan: () => SUCCEEDS,
    witness: () => undefined,
  });
});

function submit(more: RequestOptions = {}): Operation {
  const targets = Array.from({ length: TARGETS }, (_, index) => ({
    ...{ target: `s${index + 1}`, body: 'x', index: index + 1 },
  }));
  return request([{ name: 'web', size: TARGETS, targets }], { id: 'req', ...more }).run(fleet);
}

const requestNow = () => fleet.table.read<RequestRecord>('request#req');
const jobNow = (id: string) => fleet.table.read<JobRecord>(`job#${id}`);

/** The one who prepares the request comes as far as its first block, and no further for now. */
async function prepareFirstBlock(): Promise<Operation> {
  const operation = submit();
  await fleet.wait(0);
  while (requestNow()?.progress === undefined) await fleet.answer(0);
  return operation;
}

async function answerFor(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await fleet.answerAll();
    await fleet.wait(1);
  }
}

describe('a request whose preparation was cut off', () => {
  test('is gone on with by the same call, after a while', async () => {
    const gone = await prepareFirstBlock();
    fleet.crash(gone.actor);
    const pause = changeRequest('pause', 'req').run(fleet);
    await fleet.answerAll();
    expect(pause.result).toMatchObject({
      error: {
        message:
          'Request req cannot be paused: its jobs are being written, last at 2027-01-15T08:00:00Z, and none of them runs before ' +
          'all are. If that was cut off, the same request with the id req goes on with it; otherwise it is removed a day after that.',
      },
    });
    const again = submit();
    await answerFor(15);
    expect(requestNow()?.state).toBe('preparing');
    await answerFor(10);
    expect(again.result).toBe('done');
    expect(requestNow()?.state).toBe('open');
    expect(jobNow(LAST)?.state).toBe('held');
  });

  test('does not forget that one of its jobs was cancelled', async () => {
    const gone = submit();
    await fleet.wait(0);
    // The block is written, and that is not noted.
    while (!jobNow(FIRST)) await fleet.answer(0);
    fleet.crash(gone.actor);
    cancelJob(FIRST).run(fleet);
    await fleet.answerAll();
    submit();
    await answerFor(25);
    expect(requestNow()?.state).toBe('open');
    expect(jobNow(FIRST)?.state).toBe('cancelled');
  });

  test('is dropped a day later, and the same call begins anew', async () => {
    const gone = await prepareFirstBlock();
    fleet.crash(gone.actor);
    fleet.keep();
    await fleet.answerAll();
    expect(jobNow(FIRST)?.state).toBe('held');
    await fleet.wait(86_400);
    fleet.keep();
    const again = submit();
    await answerFor(3);
    expect(again.result).toBe('done');
    expect(requestNow()?.state).toBe('open');
    expect(fleet.table.readAll('job#').size).toBe(TARGETS);
  });

  test('refuses other content under its id', async () => {
    const gone = await prepareFirstBlock();
    fleet.crash(gone.actor);
    const other = submit({ label: 'another' });
    await fleet.answerAll();
    expect(other.result).toMatchObject({ error: { name: 'RequestConflictError' } });
  });
});

describe('a request that two prepare at the same time', () => {
  test('is opened by the first, and the other waits for that', async () => {
    const [first, other] = [submit(), submit()];
    await answerFor(2);
    expect([first.result, other.result]).toEqual(['done', 'done']);
    expect(fleet.table.readAll('job#').size).toBe(TARGETS);
  });

  /** The one who prepares it has written the first block, and does not hear of that. */
  async function stopBeforeNote(): Promise<Operation> {
    const slow = submit();
    await fleet.wait(0);
    while (!jobNow(requestJobId('req', 'web', 1000))) await fleet.answer(0);
    slow.actor.cutOff = true;
    return slow;
  }

  test('is taken over from one that has stopped, which resets no job when it goes on', async () => {
    const slow = await stopBeforeNote();
    const other = submit();
    await answerFor(25);
    expect(other.result).toBe('done');
    const agent = fleet.startAgent();
    for (let round = 0; round < 10; round += 1) {
      await fleet.answerAll();
      await fleet.deliver(agent);
      await fleet.wait(1);
    }
    const record = jobNow(FIRST);
    expect(record?.state).toBe('succeeded');
    slow.actor.cutOff = false;
    await answerFor(3);
    expect(slow.result).toBe('done');
    expect(jobNow(FIRST)).toEqual(record);
  });

  test('is not written any more by the one from whom it was taken', async () => {
    const slow = await stopBeforeNote();
    const { writer } = requestNow() ?? {};
    const other = submit();
    for (let second = 0; second < 20; second += 1) {
      await fleet.answerAll();
      await fleet.wait(1);
    }
    while (requestNow()?.writer === writer) await fleet.answer(0);
    const isHeard = (one: boolean) => {
      slow.actor.cutOff = !one;
      other.actor.cutOff = one;
    };
    isHeard(true);
    await fleet.answer(0);
    isHeard(false);
    await fleet.answerAll();
    expect(other.result).toBe('done');
    cancelJob(LAST).run(fleet);
    await fleet.answerAll();
    isHeard(true);
    await answerFor(3);
    expect(slow.result).toBe('done');
    expect(jobNow(LAST)?.state).toBe('cancelled');
  });
});
