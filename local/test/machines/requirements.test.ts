import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { missingForMachines } from '../../machines/requirements.ts';

let path: string;
beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'mayfly-path-'));
  for (const program of ['systemd-nspawn', 'mmdebstrap', 'dnsmasq', 'ip', 'unshare', 'nsenter', 'flock']) {
    await writeFile(join(path, program), '');
    await chmod(join(path, program), 0o755);
  }
});
afterAll(() => rm(path, { recursive: true }));

test('root on Linux with all programs can boot machines', () => {
  expect(missingForMachines({ platform: 'linux', userId: 0, path })).toBeUndefined();
});

test('on other systems, the message names the system', () => {
  expect(missingForMachines({ platform: 'darwin', userId: 0, path })).toContain('this is darwin.');
});

test('without root, it says how to run the command', () => {
  expect(missingForMachines({ platform: 'linux', userId: 1000, path })).toContain('sudo -E env "PATH=$PATH"');
});

test('without programs, it names them and the packages that have them', async () => {
  await rm(join(path, 'systemd-nspawn'));
  await rm(join(path, 'dnsmasq'));
  expect(missingForMachines({ platform: 'linux', userId: 0, path })).toBe(
    'Machines need systemd-nspawn, dnsmasq: on Debian and Ubuntu ' +
      '`apt-get install systemd-container dnsmasq-base`.',
  );
});
