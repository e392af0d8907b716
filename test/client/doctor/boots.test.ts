import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { diagnoseFleet } from '../../../client/doctor/diagnose.ts';
import { readCheckInput } from '../../../client/doctor/read-fleet.ts';
import type { Broken } from '../../../policy/retirement.ts';
import { instanceLogKey } from '../../../store/bucket-keys.ts';
import { createInstanceStore } from '../../../store/instance-store.ts';
import { LOGS, openFleet, TABLE } from '../../support/agent-fleet.ts';
import { createContext } from '../../support/keeper.ts';

const open = openFleet();

test('reads the key of the saved log of an instance without a record', async () => {
  const fleet = await open({ hooks: false });
  const [{ instanceId } = { instanceId: '' }] = await fleet.launcher.booted(1);
  const Key = `instances/${instanceId}/2026-11-29T101112Z-cannot-use-table.log`;
  await fleet.clients.s3.send(new PutObjectCommand({ Bucket: LOGS, Key, Body: 'denied\n' }));
  const { boots } = await readCheckInput(createContext(fleet));
  expect(boots).toMatchObject({
    value: [{ instance: instanceId, savedLog: { reason: 'cannot-use-table', refusal: 'lasting', key: Key } }],
  });
});

test('names the missing worker program, and the saved log or that there is none', async () => {
  const fleet = await open({ hooks: false, desired: 2 });
  const [one, other] = (await fleet.launcher.booted(2)).map(({ instanceId }) => instanceId);
  const missing: Broken = {
    reason: 'worker-missing',
    problem: 'cannot start ./render: there is no such file',
  };
  const at = new Date().toISOString();
  const how = { idleSeconds: 0, jobsDone: 0, rung: 'terminate', tries: 1 } as const;
  const store = createInstanceStore(fleet.clients.dynamodb, TABLE, 60);
  for (const instance of [one, other]) {
    const retirement = { ...missing, decidedAt: at, endedAt: at, ...how };
    await store.recordRetirement(String(instance), retirement, 'instances');
  }
  const Key = instanceLogKey(String(one), at, missing);
  await fleet.clients.s3.send(new PutObjectCommand({ Bucket: LOGS, Key, Body: 'no such file\n' }));
  const { findings } = await diagnoseFleet(createContext(fleet));
  const gone = findings.filter(({ text }) => text.includes('./render'));
  expect(gone).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        text: expect.stringContaining(`${one} could`),
        details: [`Its log: s3://${LOGS}/${Key}`],
      }),
      expect.objectContaining({
        text: expect.stringContaining(`${other} could`),
        details: ['It saved no log.'],
      }),
    ]),
  );
});
