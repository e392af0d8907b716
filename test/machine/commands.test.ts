import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Verdict } from '../../checker/facts.ts';
import type { History } from '../../demo/history.ts';
import { missingForMachines } from '../../local/machines/requirements.ts';
import { eventually } from '../support/eventually.ts';
import { readyAccess } from '../support/ready.ts';
import { TIMEOUT_MS } from './support/fleet.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const missing = missingForMachines();

let directory: string;
beforeEach(async ({ skip }) => {
  if (missing) skip(missing);
  directory = await mkdtemp(join(tmpdir(), 'mayfly-commands-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** `mayfly local --instances machines`, with two machines that have booted. */
async function localWithMachines() {
  const args = ['local', '--instances', 'machines', '--port', '0', '--directory', directory, '--json'];
  const command = execa(process.execPath, [join(ROOT, 'bin/mayfly.js'), ...args], { reject: false });
  const { value } = await command.iterable().next();
  const { endpoint, region, owner } = readyAccess(value);
  const ec2 = new EC2Client({ endpoint, region, credentials: owner });
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: 'ami-1', MinCount: 2, MaxCount: 2 }),
  );
  ec2.destroy();
  for (const { InstanceId = '' } of Instances) {
    const console = join(directory, 'instances', InstanceId, 'instance.log');
    const isUp = async () =>
      (await readFile(console, 'utf8').catch(() => '')).includes('Graphical Interface');
    await eventually(`the boot of ${InstanceId}`, isUp, TIMEOUT_MS);
  }
  return { command };
}

/** The processes, mounts and control groups of the machines of a `mayfly` with this process id. */
async function leftovers(pid: number | undefined): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = pids.map((one) => readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => ''));
  const processes = (await Promise.all(lines)).filter((line) => line.includes(`${directory}/instances`));
  const mounts = (await readFile('/proc/mounts', 'utf8'))
    .split('\n')
    .filter((line) => line.includes(directory));
  const hierarchies = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'];
  const groups = await Promise.all(hierarchies.map((path) => readdir(path).catch(() => [])));
  return [...processes, ...mounts, ...groups.flat().filter((name) => name.startsWith(`mayfly-${pid}-`))];
}

test.for(['SIGTERM', 'SIGKILL'] as const)('mayfly local leaves nothing behind after %s', async (signal) => {
  const { command } = await localWithMachines();
  expect(await leftovers(command.pid)).not.toEqual([]);
  command.kill(signal);
  await command;
  await eventually('the end of all machines', async () => (await leftovers(command.pid)).length === 0);
});

test('npm start -- --machines runs at least two machines at once, terminates all and keeps their journals', async () => {
  const demo = await execa(process.execPath, ['demo/main.ts', '--machines', '--json', '--out', directory], {
    cwd: ROOT,
    reject: false,
  });
  expect(demo.exitCode, demo.stderr).toBe(0);
  const result = JSON.parse(demo.stdout) as { peak: number; verdict: Verdict; history: History };
  expect(result.peak).toBeGreaterThanOrEqual(2);
  expect(result.verdict).toMatchObject({ ok: true, violations: [], counts: { sent: 48, succeeded: 48 } });
  expect(result.history.samples.at(-1)).toMatchObject({ desired: 0, running: 0 });
  const journals = [...demo.stderr.matchAll(/journalctl -D (\S+)/g)].map(([, journal = '']) =>
    join(ROOT, journal),
  );
  expect(journals).toHaveLength(result.history.instances.length);
  for (const journal of journals) {
    const { stdout } = await execa('journalctl', ['-D', journal, '-o', 'cat', '-u', 'mayfly-agent.service']);
    expect(stdout).toContain('"reason":"idle"');
  }
  await rm(join(journals[0] ?? directory, '../../..'), { recursive: true });
});
