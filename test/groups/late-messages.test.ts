import { DeleteMessageCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { requestJobId } from '../../jobs/released.ts';
import { eventually } from '../support/eventually.ts';
import { type FleetWithAgent, fleetsWithAgent } from '../support/fleet-with-agent.ts';
import type { TestQueue } from '../support/test-queue.ts';

const open = fleetsWithAgent();
let made = 0;

const SCRIPT = 'echo "$MAYFLY_JOB_ID" >> $JOURNAL';

interface Late extends FleetWithAgent {
  request: string;
  /** The request's first job, and the next one of its group. */
  job: string;
  next: string;
  /** The message of the first release, which nobody has received. */
  message: Message;
}

/** A request of two jobs in one lane. The message of the first is on its way. */
async function openLate(): Promise<Late> {
  const opened = await open();
  made += 1;
  const group = `late/${made}`;
  const names = [`a${made}`, `b${made}`];
  const targets = names.map((target, index) => ({ target, body: 'x', index: index + 1 }));
  const { id: request } = await opened.fleet.request([{ name: group, size: 2, targets }], {
    keepGoing: true,
  });
  const message = await takeMessage(opened.bench);
  const [job, next] = [requestJobId(request, group, 1), requestJobId(request, group, 2)];
  return { ...opened, request, job, next, message };
}

async function takeMessage({ clients, queueUrl }: TestQueue): Promise<Message> {
  const { Messages = [] } = await clients.sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MessageAttributeNames: ['All'], WaitTimeSeconds: 5 }),
  );
  expect(Messages).toHaveLength(1);
  const [message = {}] = Messages;
  await clients.sqs.send(
    new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: String(message.ReceiptHandle) }),
  );
  return message;
}

/** The message comes now. */
function arrive({ bench, message }: Late): Promise<string> {
  return bench.send(String(message.Body), message.MessageAttributes);
}

/** The agent has seen all messages: none is left that would start an instance, and none is a dead letter. */
async function expectNothingLeft({ bench }: Late): Promise<void> {
  await bench.empty();
  expect(await bench.deadLetters()).toEqual([]);
}

const stateOf = async ({ fleet }: Late, id: string) => (await fleet.status(id)).state;

describe('a late message', () => {
  it('of an earlier release starts nothing beside the job that is out again', async () => {
    const late = await openLate();
    const { fleet, request, job, next, bench, startAgent } = late;
    await fleet.requests.pause(request);
    await fleet.requests.resume(request);
    await arrive(late);
    const agent = await startAgent(SCRIPT);
    await agent.done(2);
    await expectNothingLeft(late);
    expect(await bench.journal()).toEqual([job, next]);
    const stale = agent.lines.filter(({ msg }) => String(msg).includes('a message of an earlier release'));
    expect(stale.map((line) => line['job'])).toEqual([job]);
  });

  it('of a job that is held again starts nothing, and the job stays held', async () => {
    const late = await openLate();
    const { fleet, request, job, bench, startAgent } = late;
    await fleet.requests.pause(request);
    await arrive(late);
    await startAgent(SCRIPT);
    await expectNothingLeft(late);
    expect(await bench.journal()).toEqual([]);
    expect(await stateOf(late, job)).toBe('held');
  });

  it('of a job that was cancelled starts nothing, and its lane is free', async () => {
    const late = await openLate();
    const { fleet, job, next, bench, startAgent } = late;
    await fleet.cancel([job]);
    await arrive(late);
    const agent = await startAgent(SCRIPT);
    await agent.done(1);
    await expectNothingLeft(late);
    expect(await bench.journal()).toEqual([next]);
    expect(await stateOf(late, job)).toBe('cancelled');
  });

  it('of a job whose request was cancelled starts nothing', async () => {
    const late = await openLate();
    const { fleet, request, job, next, bench, startAgent } = late;
    await fleet.requests.cancel(request);
    await arrive(late);
    await startAgent(SCRIPT);
    await expectNothingLeft(late);
    expect(await bench.journal()).toEqual([]);
    expect([await stateOf(late, job), await stateOf(late, next)]).toEqual(['skipped', 'skipped']);
  });

  it('of a job that has ended starts nothing', async () => {
    const late = await openLate();
    const { job, next, bench, startAgent } = late;
    await arrive(late);
    const agent = await startAgent(SCRIPT);
    await agent.done(2);
    await bench.empty();
    await arrive(late);
    await eventually('the message to be settled', () =>
      agent.lines.some(({ msg }) => String(msg).includes('has ended already')),
    );
    await expectNothingLeft(late);
    expect(await bench.journal()).toEqual([job, next]);
  });
});
