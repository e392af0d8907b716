import { eventually } from '../../test/support/eventually.ts';
import { LONGEST_BOOT_MS } from './boot-cloud.ts';
import type { Launch } from './launch-timer.ts';

/** Commands that show where the time of a boot went. */
const COMMANDS = [
  ['systemd-analyze', 'time'],
  ['systemd-analyze', 'critical-chain', '--no-pager', 'mayfly-agent.service'],
  ['systemd-analyze', 'blame', '--no-pager'],
  ['cloud-init', 'analyze', 'blame'],
] as const;
const MOST_LINES = 25;

/** Prints where the time of a boot went on stderr, because stdout is for the results. */
export async function printBootDetails({ machine }: Launch, image: string): Promise<void> {
  // systemd-analyze works only after the boot is complete.
  await eventually(
    'the end of the boot',
    async () =>
      !/^(initializing|starting)/.test((await machine.run('systemctl', 'is-system-running')).stdout),
    LONGEST_BOOT_MS,
  );
  for (const command of COMMANDS) {
    const { stdout, stderr } = await machine.run(...command);
    const lines = `${stdout}${stderr}`.trimEnd().split('\n').slice(0, MOST_LINES);
    console.error([`\n== ${image}: ${command.join(' ')}`, ...lines].join('\n'));
  }
}
