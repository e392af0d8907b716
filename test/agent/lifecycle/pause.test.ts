import { describe, expect, test } from 'vitest';
import { NO_SUPERVISOR } from '../../../agent/supervision/watchdog.ts';
import { updateFleetState } from '../../../store/fleet-state.ts';
import {
  callsOf,
  type Fleet,
  LONG_RETIREMENT,
  openFleet,
  startAgent,
  TABLE,
  until,
} from '../../support/agent-fleet.ts';
import { eventually } from '../../support/eventually.ts';

const open = openFleet();

const pause = ({ clients }: Fleet) => updateFleetState(clients.dynamodb, TABLE, { pausedAtMs: Date.now() });
const resume = ({ clients }: Fleet) => updateFleetState(clients.dynamodb, TABLE, { pausedAtMs: undefined });

/** Messages that are visible: an agent that has paused requeues what its last receive brought. */
function waiting(fleet: Fleet, count: number): Promise<true> {
  return eventually(`${count} visible messages`, async () => {
    const { Attributes } = await fleet.call('sqs', 'GetQueueAttributes', {
      QueueUrl: fleet.queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages'],
    });
    return (Attributes as Record<string, string>)['ApproximateNumberOfMessages'] === String(count);
  });
}

/** Resolves at the next check of an agent whether the fleet is paused. */
const looked = async (fleet: Fleet) => {
  for (let looks = 0; looks < 2; looks++) {
    await fleet.nextCall(({ action, caller }) => action === 'GetItem' && caller !== 'cloud');
  }
};

describe('in a paused fleet', () => {
  test('an agent ends its job, takes no other, and takes jobs again after the pause', async () => {
    const fleet = await open();
    await fleet.send('sleep 1');
    const agent = await startAgent(fleet, { config: { leaseSeconds: 15, retirement: LONG_RETIREMENT } });
    await until(agent.work, ({ running }) => running === 1);
    await pause(fleet);
    await looked(fleet);
    await fleet.send('true');
    await until(agent.work, ({ jobsDone, idleSinceMs }) => jobsDone === 1 && idleSinceMs !== undefined);
    await waiting(fleet, 1);
    const receives = callsOf(fleet, 'ReceiveMessage').length;
    await looked(fleet);
    expect(callsOf(fleet, 'ReceiveMessage')).toHaveLength(receives);
    await resume(fleet);
    await until(agent.work, ({ jobsDone }) => jobsDone === 2);
    await agent.lifecycle.stop();
    await agent.work.drain(0);
  });

  test('an idle instance retires without a last receive', async () => {
    const fleet = await open();
    const agent = await startAgent(fleet, { config: { retirement: { ...LONG_RETIREMENT, idleSeconds: 6 } } });
    await pause(fleet);
    await looked(fleet);
    await eventually('the end of the current receive', () => !agent.work.progress().receiving);
    await fleet.send('true');
    const retirement = await agent.lifecycle.ended;
    expect(retirement).toMatchObject({ reason: 'idle', rung: 'terminate', jobsDone: 0, queueDepth: 1 });
    expect((await fleet.group()).desired).toBe(0);
    await waiting(fleet, 1);
  });

  test('an instance that boots takes no job', async () => {
    const fleet = await open();
    await pause(fleet);
    await fleet.send('true');
    const agent = await startAgent(fleet);
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', jobsDone: 0 });
    expect(callsOf(fleet, 'ReceiveMessage')).toEqual([]);
  });

  test('an instance that its group keeps at its minimum waits for the end of the pause', async () => {
    const fleet = await open({ minSize: 1 });
    await pause(fleet);
    await fleet.send('true');
    let tries = 0;
    const supervisor = { ...NO_SUPERVISOR, recordAttempt: () => tries++ };
    const agent = await startAgent(fleet, { supervisor, config: { retirement: LONG_RETIREMENT } });
    await looked(fleet);
    expect(callsOf(fleet, 'ReceiveMessage')).toEqual([]);
    const before = tries;
    await looked(fleet);
    // These calls show the watchdog that the agent does not hang.
    expect(tries).toBeGreaterThan(before);
    await resume(fleet);
    await until(agent.work, ({ jobsDone }) => jobsDone === 1);
    await agent.lifecycle.stop();
    await agent.work.drain(0);
  });

  test('an agent that cannot read whether the fleet is paused takes jobs', async () => {
    const fleet = await open();
    fleet.faults.add({
      action: 'GetItem',
      effect: { kind: 'error', code: 'AccessDeniedException', status: 400 },
    });
    await pause(fleet);
    await fleet.send('true');
    const agent = await startAgent(fleet);
    expect(await agent.lifecycle.ended).toMatchObject({ jobsDone: 1 });
  });
});
