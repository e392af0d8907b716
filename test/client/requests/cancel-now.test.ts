import type { UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { expect, it, onTestFinished } from 'vitest';
import { createClients } from '../../../aws/clients.ts';
import { Fleet } from '../../../client/fleet.ts';
import { createGroups } from '../../../client/groups/create.ts';
import { requestJobId } from '../../../jobs/released.ts';
import { fleetsWithAgent } from '../../support/fleet-with-agent.ts';

const open = fleetsWithAgent();

it('a request that is cancelled now also stops a job that got its lane just before', async () => {
  const { fleet, bench } = await open();
  const targets = ['a', 'b'].map((target, index) => ({ target, body: target, index: index + 1 }));
  const { id } = await fleet.request([{ name: 'now', size: 2, targets }]);
  const [first, second] = [1, 2].map((number) => requestJobId(id, 'now', number)) as [string, string];
  const begin = async (job: string) => {
    const { release, nonce } = (await bench.table.get(job)) ?? {};
    const nowMs = Date.now();
    const lease = { nowMs, leaseUntilMs: nowMs + 60_000, enqueuedAtMs: nowMs };
    const claim = { id: job, messageId: 'm', instance: 'i-1', fence: 'f', group: 'now', release, nonce };
    expect(await bench.table.claim({ ...claim, ...lease })).toMatchObject({ kind: 'claimed' });
  };
  /** The first job runs and ends, and the second begins in its lane. */
  const goOn = async () => {
    await begin(first);
    await bench.table.finish(first, 'f', 'succeeded', { endedAtMs: Date.now(), refund: 0 });
    const ended = await bench.table.get(first);
    if (ended) await createGroups(fleet.context).endJob('now', ended);
    await begin(second);
  };
  const clients = createClients(bench.cloud.region);
  onTestFinished(() => clients.destroy());
  let hasBegun = false;
  clients.dynamodb.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const { Key } = args.input as UpdateItemCommandInput;
        const isCancel = commandName === 'UpdateItemCommand' && Key?.['pk']?.S === `request#${id}`;
        if (isCancel && !hasBegun) {
          hasBegun = true;
          await goOn();
        }
        return next(args);
      },
    { step: 'initialize' },
  );
  await new Fleet({ ...fleet.context, clients }).requests.cancel(id, { now: true });
  expect(await bench.table.get(second)).toMatchObject({
    state: 'running',
    cancelRequestedAt: expect.any(String),
  });
});
