import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findProcesses } from '../../instances/processes.ts';
import type { Ec2Instance } from '../../services/ec2/ec2-instance.ts';
import { type LauncherCloud, startLauncherCloud, userData } from '../support/launcher-cloud.ts';
import { Stacks } from '../support/stacks.ts';

let lab: LauncherCloud;
beforeEach(async () => {
  lab = await startLauncherCloud({ stopMs: 20_000 });
});
afterEach(() => lab.close());

/** An agent that writes its arguments and environment to a file, and waits. */
const REPORTING_AGENT = `
import { writeFileSync } from 'node:fs';
const { env, argv, pid } = process;
writeFileSync(env.STATE_DIRECTORY + '/report', JSON.stringify({ env, argv, pid, cwd: process.cwd() }));
setInterval(() => {}, 1000);
`;

/** An agent that leaves a worker in a process group of its own, which leaves a daemon in a session of its own. */
const FORKING_AGENT = `
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
const script = 'setsid sleep 1000 & echo $! > ' + process.env.STATE_DIRECTORY + '/daemon; sleep 1000';
spawn('sh', ['-c', script], { detached: true, stdio: 'ignore', env: {}, cwd: 'worker' });
setInterval(() => existsSync(process.env.STATE_DIRECTORY + '/daemon') && process.exit(), 20);
`;

/** A zombie does not count as running. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

const terminate = ({ id }: Ec2Instance) => lab.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
const report = async (machine: Ec2Instance) =>
  JSON.parse(await lab.file(machine, 'disk/var/lib/mayfly/report'));
const disk = ({ directory }: Ec2Instance) => join(directory, 'disk');

describe('a boot', () => {
  test("runs the tree that user-data names, with its configuration and AWS's endpoint", async () => {
    const machine = await lab.launch(REPORTING_AGENT);
    const { env, argv, cwd } = await report(machine);
    expect(argv.slice(2)).toEqual(['--config', join(disk(machine), 'etc/mayfly/agent.json')]);
    expect(cwd).toBe(join(disk(machine), 'tree'));
    expect(env).toMatchObject({
      AWS_ENDPOINT_URL: lab.cloud.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    });
    expect(Object.keys(env).filter((name) => /KEY|SECRET|TOKEN/.test(name))).toEqual([]);
    expect(readFileSync(argv[3], 'utf8')).toBe('{"answer": 42}');
    expect(statSync(argv[3]).mode & 0o777).toBe(0o640);
    expect(statSync(join(disk(machine), 'tree/worker/run.sh')).mode & 0o111).toBe(0o111);
  });

  test('without permission to read the tree ends the instance, and its log says why', async () => {
    const machine = await lab.launch(REPORTING_AGENT, { UserData: userData('other.zip') });
    await lab.state(machine, 'terminated');
    expect(await lab.file(machine, 'instance.log')).toMatch(/boot failed: .*(not authorized|AccessDenied)/i);
  });

  test.each([
    ['names no tree', Buffer.from('#cloud-config\n').toString('base64')],
    ['is absent', undefined],
  ])('with user-data that %s does nothing, and the instance runs', async (_, UserData) => {
    const machine = await lab.launch(REPORTING_AGENT, { UserData });
    expect(await lab.file(machine, 'instance.log')).toMatch(/names no tree to run/);
    await lab.state(machine, 'running');
    await terminate(machine);
    await lab.state(machine, 'terminated');
  });
});

test("a set-up is not run, as the deployment, the log and the cloud's output say", async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  const left = "The fleet's set-up (prop `setup`) is not run: instances are processes here.";
  const UserData = userData(undefined, { setup: { file: 'setup.yml' } });
  const stacks = new Stacks(lab.cloud);
  try {
    const Template = {
      Type: 'AWS::EC2::LaunchTemplate',
      Properties: { LaunchTemplateData: { ImageId: 'ami-1', UserData } },
    };
    await stacks.create('set-up', { Resources: { Template } });
    const reasons = (await stacks.events('set-up')).map(({ ResourceStatusReason }) => ResourceStatusReason);
    expect(reasons).toContain(left);
    for (let count = 0; count < 2; count += 1) {
      const machine = await lab.launch(REPORTING_AGENT, { UserData });
      expect(await lab.file(machine, 'instance.log')).toContain(left);
      await terminate(machine);
    }
    expect(said.mock.calls.flat()).toEqual([`mayfly: ${left}`]);
  } finally {
    said.mockRestore();
    stacks.client.destroy();
  }
});

test('a shell script as user-data is refused, also when the template is created', async () => {
  const UserData = Buffer.from('#!/bin/sh\necho hello\n').toString('base64');
  const problem = 'Instances are processes here and do not run shell scripts of user-data';
  await expect(lab.launch(REPORTING_AGENT, { UserData })).rejects.toThrow(problem);
  const template = { LaunchTemplateName: 'script', LaunchTemplateData: { UserData } };
  await expect(lab.cloud.call('ec2', 'CreateLaunchTemplate', template)).rejects.toThrow(problem);
});

describe('the end of an instance', () => {
  test('comes with that of the agent, and ends all its processes', async () => {
    const machine = await lab.launch(FORKING_AGENT);
    const daemon = Number(await lab.file(machine, 'disk/var/lib/mayfly/daemon'));
    expect(daemon).toBeGreaterThan(1);
    await lab.state(machine, 'terminated');
    expect(machine.stateReason?.code).toBe('Client.InstanceInitiatedShutdown');
    expect(findProcesses(disk(machine), Number.NaN)).toEqual([]);
    expect(isRunning(daemon)).toBe(false);
  });

  test('is a stop if its shutdown behaviour is `stop`', async () => {
    const machine = await lab.launch('', { InstanceInitiatedShutdownBehavior: 'stop' });
    await lab.state(machine, 'stopped');
    await terminate(machine);
    await lab.state(machine, 'terminated');
  });

  test('by TerminateInstances gives the agent time to exit', async () => {
    const leaves = "process.on('SIGTERM', () => { console.log('goodbye'); process.exit(); });";
    const machine = await lab.launch(leaves + REPORTING_AGENT);
    await report(machine);
    await terminate(machine);
    await lab.state(machine, 'terminated');
    expect(await lab.file(machine, 'instance.log')).toMatch(/goodbye\n.*off: powered off, agent exit 0/);
  });

  test('by TerminateInstances has a time-out', async () => {
    await lab.close();
    lab = await startLauncherCloud({ stopMs: 300 });
    const machine = await lab.launch(`process.on('SIGTERM', () => {});${REPORTING_AGENT}`);
    await report(machine);
    await terminate(machine);
    await lab.state(machine, 'terminated');
    expect(await lab.file(machine, 'instance.log')).toMatch(/terminated, after it would not stop/);
  });

  test('by a failed host kills all its processes at once', async () => {
    const machine = await lab.launch(`process.on('SIGTERM', () => console.log('never'));${REPORTING_AGENT}`);
    const { pid } = await report(machine);
    await lab.cloud.instances.destroy(machine);
    expect(isRunning(pid)).toBe(false);
    expect(await lab.file(machine, 'instance.log')).not.toMatch(/never/);
  });

  test('comes when the cloud closes', async () => {
    const machine = await lab.launch(REPORTING_AGENT);
    const { pid } = await report(machine);
    await lab.close();
    expect(isRunning(pid)).toBe(false);
    expect(dirname(machine.directory)).toMatch(/instances$/);
    lab = await startLauncherCloud();
  });
});
