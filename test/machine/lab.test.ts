import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { TIMEOUT_MS } from './support/fleet.ts';
import { labs } from './support/lab.ts';

const start = labs();

const TOKEN = `curl -sS -m 3 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token`;

test('machines of one cloud read their own metadata, reach AWS and the package mirrors, and nothing else', async () => {
  const { launch, booted, shared, launcher } = await start({ image: 'stock' });
  const machines = await launch(
    `token=$(${TOKEN})
     id=$(curl -sS -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)
     curl -sS -o /dev/null -w '%{http_code}\\n' "$AWS_ENDPOINT_URL/_mayfly/health" >/mnt/shared/$id
     apt-get -qq update && apt-get -qq -y install git && git --version >>/mnt/shared/$id`,
    2,
  );
  for (const machine of machines) {
    const power = await booted(machine);
    expect(await readFile(join(shared, machine.id), 'utf8')).toMatch(/^200\ngit version .*\n$/);
    const { stdout } = await power.run('ip', '-oneline', 'address', 'show', 'scope', 'global');
    expect(stdout).toContain(` ${machine.privateIp}/`);
    expect((await power.run('curl', '-sS', '-m', '2', 'http://192.0.2.1/')).status).not.toBe(0);
  }
  const [mute, other] = machines.map(({ id }) => id);
  launcher.silenceMetadata((id) => id === mute);
  const readToken = async (id = '') =>
    (await launcher.machine(id).run('sh', '-c', `${TOKEN} -o /dev/null`)).status;
  // curl(1): 28 is a time-out.
  expect(await Promise.all([readToken(mute), readToken(other)])).toEqual([28, 0]);
});

test('a machine reboots without another first boot, powers itself off, and its journal stays', async () => {
  const { launch, booted } = await start();
  const [machine] = await launch('echo ran >>/mnt/shared/runs');
  if (!machine) throw new Error('nothing was launched');
  const power = await booted(machine);
  await power.run('touch', '/etc/kept');
  const bootId = async () => (await power.run('cat', '/proc/sys/kernel/random/boot_id')).stdout;
  await power.run('sh', '-c', 'hostname >/run/first; systemctl reboot');
  await eventually(
    'the second boot',
    async () => (await power.run('test', '!', '-e', '/run/first').catch(() => undefined))?.status === 0,
    TIMEOUT_MS,
  );
  await booted(machine);
  expect(await bootId()).not.toBe('');
  expect((await power.run('cat', '/etc/kept', '/mnt/shared/runs')).stdout).toBe('ran\n');
  await power.run('systemctl', 'poweroff');
  expect(await power.gone).toEqual({ reason: 'powered off' });
  await eventually('its end on EC2', () => machine.state === 'terminated');
  expect(await boots(power.journal)).toBe(2);
});

test('a machine that is stopped starts again from its disk, without another first boot', async () => {
  const { cloud, launch, booted } = await start();
  const [machine] = await launch('echo ran >>/mnt/shared/runs');
  if (!machine) throw new Error('nothing was launched');
  const power = await booted(machine);
  await power.run('sh', '-c', 'echo kept >/etc/kept; rm /etc/motd; touch /run/first');
  cloud.instances.stop(machine);
  await eventually('that it is stopped', () => machine.state === 'stopped', TIMEOUT_MS);
  cloud.instances.start(machine);
  const again = await eventually(
    'the next boot',
    async () =>
      machine.state === 'running' && machine.launchedInstance !== undefined && (await booted(machine)),
    TIMEOUT_MS,
  );
  expect((await again.run('cat', '/etc/kept', '/mnt/shared/runs')).stdout).toBe('kept\nran\n');
  expect((await again.run('ls', '/run/first', '/etc/motd')).stdout).toBe('');
  expect(await boots(again.journal)).toBe(2);
  cloud.instances.terminate(machine);
  await eventually('its end', () => machine.state === 'terminated', TIMEOUT_MS);
  expect(await readdir(machine.directory)).not.toContain('disk.tar');
});

test('a machine that is terminated right after its launch ends quickly', async () => {
  const { cloud, launch } = await start();
  const [machine] = await launch('true');
  if (!machine) throw new Error('nothing was launched');
  await eventually('its power', () => machine.launchedInstance);
  cloud.instances.terminate(machine);
  await eventually('its end', () => machine.state === 'terminated', 30_000);
});

test('a terminated machine shuts down cleanly; a destroyed one does not', async () => {
  const { cloud, launch, booted } = await start();
  const machines = await launch('true', 2);
  const [orderly, sudden] = await Promise.all(machines.map(booted));
  const [first, second] = machines;
  if (!first || !second || !orderly || !sudden) throw new Error('nothing was launched');
  cloud.instances.terminate(first);
  await cloud.instances.destroy(second);
  expect(await orderly.gone).toEqual({ reason: 'terminated' });
  expect(await sudden.gone).toEqual({ reason: 'destroyed' });
  const [ended, cut] = await Promise.all([orderly.journal, sudden.journal].map(messages));
  expect(ended).toContain('Journal stopped');
  expect(cut).toContain('Startup finished');
  expect(cut).not.toContain('Journal stopped');
  await expect(orderly.run('true')).rejects.toThrow('is not running');
});

async function messages(journal: string): Promise<string> {
  return (await promisify(execFile)('journalctl', ['--directory', journal, '--quiet', '-o', 'cat'])).stdout;
}

async function boots(journal: string): Promise<number> {
  const { stdout } = await promisify(execFile)('journalctl', [
    '--directory',
    journal,
    '--list-boots',
    '--quiet',
  ]);
  return stdout.trim().split('\n').length;
}
