import { eventually } from '../../test/support/eventually.ts';
import { LONGEST_BOOT_MS } from './site.ts';
import type { Launch } from './stopwatch.ts';

/** What tells on a machine where the time of its boot went. */
const QUESTIONS = [
  ['systemd-analyze', 'time'],
  ['systemd-analyze', 'critical-chain', '--no-pager', 'mayfly-agent.service'],
  ['systemd-analyze', 'blame', '--no-pager'],
  ['cloud-init', 'analyze', 'blame'],
] as const;
const MOST_LINES = 25;

/** Prints it, to the error output: the figures have the other to themselves. */
export async function lookWhereTimeGoes({ machine }: Launch, image: string): Promise<void> {
  // Before its boot is over systemd does not say.
  await eventually(
    'the end of the boot',
    async () =>
      !/^(initializing|starting)/.test((await machine.run('systemctl', 'is-system-running')).stdout),
    LONGEST_BOOT_MS,
  );
  for (const question of QUESTIONS) {
    const { stdout, stderr } = await machine.run(...question);
    const lines = `${stdout}${stderr}`.trimEnd().split('\n').slice(0, MOST_LINES);
    console.error([`\n== ${image}: ${question.join(' ')}`, ...lines].join('\n'));
  }
}
