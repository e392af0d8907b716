import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imageComponent } from '../../infra/image/image-component.ts';
import { machineFiles } from '../../infra/instance/machine-files.ts';
import type { Release } from '../../local/machines/images.ts';
import type { CommandResult, Machine } from '../../local/machines/machine.ts';
import type { MachineLauncherOptions } from '../../local/machines/machine-launcher.ts';
import type { Synthesised } from '../../test/support/deploy.ts';
import { openSite, said } from './site.ts';
import type { Launch } from './stopwatch.ts';

const run = promisify(execFile);

const UNIT = ['systemd-run', '--quiet', '--pipe', '--wait', '--collect'] as const;

/**
 * What Image Builder does between a build and the image: "Override the Linux clean up script". All that makes a machine
 * this one machine goes.
 */
const FORGET = `
cloud-init clean --logs --seed
rm -rf /etc/ssh/ssh_host_* /var/log/*.log /var/tmp/* /root/.ansible /root/.bash_history
rm -f /var/lib/dbus/machine-id
echo uninitialized > /etc/machine-id
`;

/**
 * Makes an image of another as the deployment of a fleet would: on a machine of its cloud, with the rights of the role
 * that the fleet has for that.
 *
 * @param root where the image's root directory is made
 * @param release what the image is of
 * @returns the same
 */
export async function bakeImage(
  from: MachineLauncherOptions['image'],
  fleet: Synthesised,
  root: string,
  onProgress: (line: string) => void,
  release?: Release,
): Promise<string> {
  onProgress('Baking an image ...');
  const site = await openSite(from, fleet, onProgress, release);
  try {
    const { machine } = await booted(await site.launchBare(true));
    await bake(machine, await site.treeJson(), site.shared, root);
    await machine.destroy();
    return root;
  } finally {
    await site.close();
  }
}

/** A launch whose boot has come to its end. */
export async function booted(launch: Launch): Promise<Launch> {
  await said(launch, 'Multi-User System');
  await launch.machine.run('cloud-init', 'status', '--wait');
  return launch;
}

/**
 * Does with a machine of the lab what Image Builder does with one of EC2: runs the phases `build` and `validate` of the
 * image's component on it, and takes its disk for the root of an image.
 *
 * @param machine one that has come to its end of booting, with the rights of the role that builds images
 * @param treeJson what instances of the fleet get as `/etc/mayfly/tree.json`
 * @param shared the host's side of the machine's `/mnt/shared`
 * @param root where the image's root directory is made
 * @throws Error with what a command said that failed
 */
async function bake(machine: Machine, treeJson: string, shared: string, root: string): Promise<void> {
  const component = imageComponent(machineFiles(), treeJson);
  for (const { name, steps } of component.phases) {
    if (name === 'test') continue;
    for (const { inputs } of steps) for (const script of inputs.commands) await must(machine, script);
  }
  await must(machine, FORGET);
  const archive = 'baked.tar';
  const what = [
    '--one-file-system',
    '--xattrs',
    '--acls',
    '--numeric-owner',
    '-cf',
    `/mnt/shared/${archive}`,
  ];
  await must(machine, ['tar', '-C', '/', ...what, '.', '|| [ $? -eq 1 ]'].join(' '));
  await mkdir(root);
  await run('tar', ['-C', root, '--xattrs', '--acls', '--numeric-owner', '-xpf', join(shared, archive)]);
  await rm(join(shared, archive));
}

/** The phase `test` of the image's component, on a machine that booted from the image without user-data. */
export async function tryOut(machine: Machine, treeJson: string): Promise<void> {
  const phase = imageComponent(machineFiles(), treeJson).phases.find(({ name }) => name === 'test');
  for (const { inputs } of phase?.steps ?? [])
    for (const script of inputs.commands) await must(machine, script);
}

/** Runs a script on a machine as Systems Manager's agent runs the component's steps: below a unit, with nothing set. */
export async function must(machine: Machine, script: string): Promise<CommandResult> {
  const result = await machine.run(...UNIT, 'bash', '-c', script);
  if (result.status === 0) return result;
  const said = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-20).join('\n');
  throw new Error(`A command failed on the machine (status ${result.status}):\n${said}`);
}
