import { DeleteMessageCommand, PurgeQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import { systemClock } from '../../aws/clock.ts';
import { createGroups } from '../../client/groups/create.ts';
import { repairGroup } from '../../groups/repair.ts';
import { type FleetWithAgent, fleetsWithAgent } from '../support/fleet-with-agent.ts';

const open = fleetsWithAgent();
const MINUTE_MS = 60_000;

/** The keeper's run after some minutes. */
async function keepAfter({ fleet }: FleetWithAgent, minutes: number, group: string): Promise<void> {
  const clock = { ...systemClock, now: () => systemClock.now() + minutes * MINUTE_MS };
  await repairGroup(createGroups({ ...fleet.context, clock }), group, 14 * 24 * 60 * MINUTE_MS);
}

it('a released job whose message somebody purged is sent again, and its group goes on', async () => {
  const opened = await open();
  const { fleet, bench, startAgent } = opened;
  const group = 'purged';
  const { ids } = await fleet.enqueueMany(['a', 'b'].map((body) => ({ body, group, target: `p-${body}` })));
  await bench.clients.sqs.send(new PurgeQueueCommand({ QueueUrl: bench.queueUrl }));
  await keepAfter(opened, 9, group);
  expect(await bench.depth()).toEqual({ visible: 0, held: 0 });
  await keepAfter(opened, 11, group);
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
  const agent = await startAgent('echo "$MAYFLY_TARGET" >> $JOURNAL');
  const ended = await fleet.wait(ids, { timeoutSeconds: 100 });
  expect(ended.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  await agent.done(2);
  expect(await bench.journal()).toEqual(['p-a', 'p-b']);
});

it('a released job is not sent again while the queue has a message, seen or hidden', async () => {
  const opened = await open();
  const { fleet, bench } = opened;
  const group = 'waiting';
  await fleet.enqueue('x', { group });
  await keepAfter(opened, 11, group);
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
  const { Messages = [] } = await bench.clients.sqs.send(
    new ReceiveMessageCommand({ QueueUrl: bench.queueUrl, VisibilityTimeout: 600 }),
  );
  await keepAfter(opened, 11, group);
  expect(await bench.depth()).toEqual({ visible: 0, held: 1 });
  const ReceiptHandle = Messages[0]?.ReceiptHandle;
  await bench.clients.sqs.send(new DeleteMessageCommand({ QueueUrl: bench.queueUrl, ReceiptHandle }));
});

it('a job whose message SQS refuses keeps no other of its group from being repaired', async () => {
  const opened = await open();
  const { fleet, bench } = opened;
  const { faults } = bench.cloud;
  const group = 'refused';
  await fleet.groups.set(group, { lanes: 2 });
  const refused = {
    action: 'SendMessage',
    effect: { kind: 'error', code: 'InvalidMessageContents', status: 400 },
  } as const;
  const all = faults.add(refused);
  await expect(fleet.enqueueMany(['a', 'b'].map((body) => ({ body, group })))).rejects.toThrow();
  all.remove();
  const [first = ''] = Object.keys((await createGroups(fleet.context).items.read(group)).out);
  faults.add({ ...refused, when: ({ MessageBody }) => String(MessageBody).includes(first) });
  await expect(keepAfter(opened, 1, group)).rejects.toThrow();
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
});
