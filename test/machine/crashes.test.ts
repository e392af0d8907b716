import { expect, test } from 'vitest';
import { expectSound } from '../support/suite.ts';
import { gate, runInSetUp, SET_UP_PROPS } from './support/set-up.ts';
import { expectReasons, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets();
const AGENT = 'mayfly-agent.service';
const RETIRE = 'mayfly-retire.service';

/** A missing module ends Node at every start, with status 1. */
const CRASHES = `
mkdir -p /etc/systemd/system/${AGENT}.d
printf '[Service]\\nEnvironment=NODE_OPTIONS=--require=/none\\nRestartSec=5\\n' \\
  >/etc/systemd/system/${AGENT}.d/crash.conf
systemctl daemon-reload
systemctl kill --signal=KILL ${AGENT}`;

test('machines whose agent crashes at every start, or has no Node, terminate themselves with shell and curl, despite refusals', async () => {
  const fleet = await start(SET_UP_PROPS);
  const { statuses, decremented, savedLog, retirement, lines } = tracesOf(fleet);
  const { there, open } = gate(fleet, 'go');
  const jobs = await fleet.send({ untilFile: there }, { untilFile: there });
  const [crashing, nodeless] = await Promise.all([fleet.instance(0), fleet.instance(1)]);
  await runInSetUp(fleet, nodeless, 'rm /opt/mayfly/node/bin/node');
  fleet.cloud.faults.add({
    caller: nodeless,
    action: ['TerminateInstanceInAutoScalingGroup', 'SetInstanceHealth'],
    effect: { kind: 'error', code: 'InternalFailure', status: 500 },
  });
  const busy = { caller: crashing, action: 'TerminateInstanceInAutoScalingGroup' };
  fleet.cloud.faults.add({ ...busy, times: 2, effect: { kind: 'error', code: 'Throttling', status: 429 } });
  fleet.cloud.faults.add({
    ...busy,
    times: 1,
    effect: { kind: 'error', code: 'InternalFailure', status: 500 },
  });

  await Promise.any(jobs.map((job) => fleet.event('start', job)));
  await fleet.on(crashing, 'sh', '-c', CRASHES);
  // From systemd 254 on, OnFailure= starts the unit in this state, at every automatic restart.
  await fleet.unit(crashing, AGENT, ({ SubState }) => SubState === 'auto-restart');
  expect((await fleet.on(crashing, 'systemctl', 'start', RETIRE)).status).toBe(0);
  expect(await lines(crashing, RETIRE)).not.toContainEqual(expect.stringContaining('this instance ends'));
  await open();
  await Promise.all([fleet.gone(crashing), fleet.gone(nodeless)]);

  expect(await retirement(crashing)).toMatchObject({
    reason: 'agent-crashed',
    rung: 'terminate',
    tries: '4',
  });
  expect(await statuses(crashing, 'TerminateInstanceInAutoScalingGroup')).toEqual([429, 429, 500, 200]);
  expect(await decremented(crashing)).toBe(true);
  expect(await lines(crashing, AGENT)).toContain(`${AGENT}: Start request repeated too quickly.`);
  expect((await savedLog(crashing))?.key).toContain('-agent-crashed.log');
  expect((await savedLog(crashing))?.text).toContain("Cannot find module '/none'");

  expect(await retirement(nodeless)).toMatchObject({ reason: 'boot-failed', rung: 'power-off' });
  expect(await retirement(nodeless)).toMatchObject({
    problem: expect.stringContaining('status 203'),
    lastError: expect.stringContaining('InternalFailure'),
  });
  expect(await statuses(nodeless, 'TerminateInstanceInAutoScalingGroup')).not.toContain(200);
  expect(await statuses(nodeless, 'SetInstanceHealth')).toContain(500);
  expect((await savedLog(nodeless))?.key).toContain('-boot-failed.log');

  for (const job of jobs) await fleet.event('end', job);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 2, succeeded: 2, runs: 3 });
  await expectReasons(fleet);
});
