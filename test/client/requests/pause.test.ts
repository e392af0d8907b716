import type { UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { expect, it, onTestFinished } from 'vitest';
import { createClients } from '../../../aws/clients.ts';
import { Fleet } from '../../../client/fleet.ts';
import { createGroups } from '../../../client/groups/create.ts';
import { fleetsWithAgent } from '../../support/fleet-with-agent.ts';

const open = fleetsWithAgent();

it('a request that a failure stops while somebody pauses it stays stopped, with its reason', async () => {
  const { fleet, bench } = await open();
  const targets = ['a', 'b'].map((target, index) => ({ target, body: target, index: index + 1 }));
  const { id } = await fleet.request([{ name: 'pause', size: 2, targets }]);
  const clients = createClients(bench.cloud.region);
  onTestFinished(() => clients.destroy());
  let isStopped = false;
  clients.dynamodb.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const { Key } = args.input as UpdateItemCommandInput;
        if (commandName === 'UpdateItemCommand' && Key?.['pk']?.S === `request#${id}` && !isStopped) {
          isStopped = true;
          const stopped = { state: 'stopped', reason: 'a job failed', atMs: Date.now() } as const;
          await createGroups(fleet.context).requests.change(id, ['open'], stopped);
        }
        return next(args);
      },
    { step: 'initialize' },
  );
  const paused = await new Fleet({ ...fleet.context, clients }).requests.pause(id);
  expect(paused).toMatchObject({ state: 'stopped', reason: 'a job failed' });
  expect(await fleet.requests.pause(id)).toMatchObject({ state: 'stopped', reason: 'a job failed' });
});
