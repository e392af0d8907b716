import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { gather } from '../../../cli/fleet/diagnose/gather.ts';
import { LOGS, openFleet } from '../../agent/retire/fleet.ts';
import { contextOf } from '../../keeper/keeper.ts';

const open = openFleet();

test('of an instance without a record the name of its saved log is known', async () => {
  const fleet = await open({ hooks: false });
  const [{ instanceId } = { instanceId: '' }] = await fleet.launcher.booted(1);
  const Key = `instances/${instanceId}/2026-11-29T101112Z-cannot-use-table.log`;
  await fleet.clients.s3.send(new PutObjectCommand({ Bucket: LOGS, Key, Body: 'denied\n' }));
  const { boots } = await gather(contextOf(fleet));
  expect(boots).toMatchObject({
    seen: [{ instance: instanceId, savedLog: { reason: 'cannot-use-table', refusal: 'lasting' } }],
  });
});
