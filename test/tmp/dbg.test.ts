import { it } from 'vitest';
import { fleetsWithAgent } from '../support/fleet-with-agent.ts';
const open = fleetsWithAgent();
it('x', async () => {
  const { fleet, startAgent, bench } = await open();
  const { ids } = await fleet.enqueueMany(['a', 'b'].map((target) => ({ body: target, group: 'g', target })));
  const agent = await startAgent('echo hi');
  await agent.done(1);
  await bench.empty();
  for (const line of agent.lines) console.log(JSON.stringify(line));
  console.log(JSON.stringify(await fleet.groups.show('g')), JSON.stringify([...(await fleet.records(ids)).values()], null, 1));
}, 20000);
