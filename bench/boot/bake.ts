import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeComponentDocument } from '../../infra/image/image-component.ts';
import { readMachineFiles } from '../../infra/instance/machine-files.ts';
import type { Release } from '../../local/machines/images.ts';
import type { CommandResult, Machine } from '../../local/machines/machine.ts';
import type { MachineLauncherOptions } from '../../local/machines/machine-launcher.ts';
import type { Synthesised } from '../../test/support/deploy.ts';
import { openBootCloud, waitForConsole } from './boot-cloud.ts';
import type { Launch } from './launch-timer.ts';

const run = promisify(execFile);

const UNIT = ['systemd-run', '--quiet', '--pipe', '--wait', '--collect'] as const;

/** The clean-up of Image Builder ("Override the Linux clean up script"): removes what identifies the machine. */
const CLEAN_UP = `
cloud-init clean --logs --seed
rm -rf /etc/ssh/ssh_host_* /var/log/*.log /var/tmp/* /root/.ansible /root/.bash_history
rm -f /var/lib/dbus/machine-id
echo uninitialized > /etc/machine-id
`;

/**
 * Bakes an image from another one, as the deployment of a fleet does: on a machine of the embedded cloud, with the
 * permissions of the fleet's builder role.
 *
 * @param root where to create the root directory of the image
 * @param release the Debian release of the image
 * @returns `root`
 */
export async function bakeImage(
  from: MachineLauncherOptions['image'],
  fleet: Synthesised,
  root: string,
  onProgress: (line: string) => void,
  release?: Release,
): Promise<string> {
  onProgress('Baking an image ...');
  const site = await openBootCloud(from, fleet, onProgress, release);
  try {
    const { machine } = await waitForBoot(await site.launchBare(true));
    await bake(machine, await site.treeJson(), site.shared, root);
    await machine.destroy();
    return root;
  } finally {
    await site.close();
  }
}

/** Waits until the boot of a launch is complete. */
export async function waitForBoot(launch: Launch): Promise<Launch> {
  await waitForConsole(launch, 'Multi-User System');
  await launch.machine.run('cloud-init', 'status', '--wait');
  return launch;
}

/**
 * Does with a machine of the embedded cloud what Image Builder does with an EC2 instance: runs the phases `build` and
 * `validate` of the image's component, and copies the disk to the root of an image.
 *
 * @param machine a booted machine with the permissions of the builder role
 * @param treeJson the content of `/etc/mayfly/tree.json` on the fleet's instances
 * @param shared the machine's `/mnt/shared` on the host
 * @param root where to create the root directory of the image
 * @throws Error with the output of a command that failed
 */
async function bake(machine: Machine, treeJson: string, shared: string, root: string): Promise<void> {
  const component = makeComponentDocument(readMachineFiles(), treeJson);
  for (const { name, steps } of component.phases) {
    if (name === 'test') continue;
    for (const { inputs } of steps) for (const script of inputs.commands) await runOrThrow(machine, script);
  }
  await runOrThrow(machine, CLEAN_UP);
  const archive = 'baked.tar';
  const what = [
    '--one-file-system',
    '--xattrs',
    '--acls',
    '--numeric-owner',
    '-cf',
    `/mnt/shared/${archive}`,
  ];
  await runOrThrow(machine, ['tar', '-C', '/', ...what, '.', '|| [ $? -eq 1 ]'].join(' '));
  await mkdir(root);
  await run('tar', ['-C', root, '--xattrs', '--acls', '--numeric-owner', '-xpf', join(shared, archive)]);
  await rm(join(shared, archive));
}

/** Runs the phase `test` of the image's component on a machine that booted from the image without user-data. */
export async function runTestPhase(machine: Machine, treeJson: string): Promise<void> {
  const phase = makeComponentDocument(readMachineFiles(), treeJson).phases.find(
    ({ name }) => name === 'test',
  );
  for (const { inputs } of phase?.steps ?? [])
    for (const script of inputs.commands) await runOrThrow(machine, script);
}

/** Runs a script on a machine as Systems Manager's agent runs the steps of a component: in a unit, without environment. */
async function runOrThrow(machine: Machine, script: string): Promise<CommandResult> {
  const result = await machine.run(...UNIT, 'bash', '-c', script);
  if (result.status === 0) return result;
  const output = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-20).join('\n');
  throw new Error(`A command failed on the machine (status ${result.status}):\n${output}`);
}
