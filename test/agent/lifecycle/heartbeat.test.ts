import { GetObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { heartbeatKey } from '../../../store/bucket-keys.ts';
import { callsOf, type Fleet, openFleet, startAgent, until } from '../../support/agent-fleet.ts';
import { eventually } from '../../support/eventually.ts';

const open = openFleet();
const BUCKET = 'logs';

/** The agent of a fleet without records of jobs. */
async function start(fleet: Fleet) {
  return startAgent(fleet, {
    config: { trackJobs: false, logBucket: BUCKET, leaseSeconds: 15, reportSeconds: 1 },
  });
}

test('an agent whose reports the table refuses writes a heartbeat to the log bucket, and works on', async () => {
  const fleet = await open({ minSize: 1 });
  fleet.faults.add({
    action: 'UpdateItem',
    effect: { kind: 'error', code: 'AccessDeniedException', status: 400 },
  });
  const { instance, work, lifecycle } = await start(fleet);
  const Key = heartbeatKey(instance);
  await fleet.send('sleep 30');
  await until(work, ({ running }) => running === 1);
  const sign = await eventually('a report of a busy instance', async () => {
    const { Body } = await fleet.clients.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key })).catch(() => {
      return { Body: undefined };
    });
    const text = await Body?.transformToString();
    return text?.includes('"running":1') && text;
  });
  expect(JSON.parse(sign)).toMatchObject({ running: 1, slots: 1, next: 'work' });
  // A refused report is repeated within a second; a heartbeat comes once a second.
  const isRarer = () => callsOf(fleet, 'PutObject').length < callsOf(fleet, 'UpdateItem').length;
  await eventually('more reports than heartbeats', isRarer);
  await lifecycle.stop();
  await work.drain(0);
});

test('an agent whose reports are accepted writes none', async () => {
  const fleet = await open({ minSize: 1 });
  const { instance, work, lifecycle } = await start(fleet);
  await eventually('a report', async () => (await fleet.instanceRecord(instance)).forecast !== undefined);
  await lifecycle.stop();
  await work.drain(0);
  expect(callsOf(fleet, 'PutObject')).toEqual([]);
});
