import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { afterEach, expect, it } from 'vitest';
import { deployedFleets } from '../support/deployed.ts';
import { expectSound } from '../support/suite.ts';

const open = deployedFleets();
const MINUTE_MS = 60_000;
const BOOT_SECONDS = 30;

const node = process.execPath;
afterEach(() => {
  process.execPath = node;
});

it(
  'an instance whose clock is twenty minutes slow runs its job, and retires like any other',
  async () => {
    const fleet = await open(
      { bootBudget: Duration.seconds(BOOT_SECONDS) },
      { speed: 20, timeoutMs: 90_000 },
    );
    await slowFirstAgent(fleet.directory);
    // Longer than the boot budget, because the keeper ignores instances that may still boot.
    const [job = ''] = await fleet.send({ sleepMs: (BOOT_SECONDS + 7) * 1000 });
    await fleet.event('start', job);
    const slow = await fleet.ownerOf(job);
    expect(await minutesSlow(fleet.directory, slow)).toBe(20);
    expect((await fleet.library.diagnose()).findings).toContainEqual(
      expect.objectContaining({ check: 'instances', status: 'ok', text: '1 working' }),
    );

    await fleet.event('end', job, 1);
    await fleet.backToZero(60_000);
    const { capacity, retired } = await fleet.library.describe();
    expect(capacity.desired).toBe(0);
    expect(retired).toMatchObject([{ instance: slow, reason: 'idle', rung: 'terminate', jobsDone: 1 }]);
    expect(await fleet.library.diagnose()).toMatchObject({ status: 'ok' });
    await expectSound(fleet, { succeeded: 1, runs: 1 });
  },
  4 * MINUTE_MS,
);

/** Starts the next agent with a slow clock. Its workers and later agents have the right time. */
async function slowFirstAgent(directory: string): Promise<void> {
  const bin = join(directory, 'bin');
  await mkdir(bin);
  await symlink(node, join(bin, 'node'));
  const preload = join(import.meta.dirname, '../fixtures/wrong-clock/slow.mjs');
  const script = `#!/bin/sh
case "$*" in *agent.mjs*) if mkdir '${bin}/used' 2>/dev/null; then exec '${node}' --import '${preload}' "$@"; fi ;; esac
exec '${node}' "$@"
`;
  await writeFile(join(bin, 'machine'), script, { mode: 0o755 });
  process.execPath = join(bin, 'machine');
}

/** How slow the clock of an agent is, by the times in its log. */
async function minutesSlow(directory: string, instance: string): Promise<number> {
  const log = await readFile(join(directory, 'instances', instance, 'instance.log'), 'utf8');
  const line = log.split('\n').findLast((text) => text.startsWith('{')) ?? '{}';
  const { time } = JSON.parse(line) as { time: string };
  return Math.round((Date.now() - Date.parse(time)) / MINUTE_MS);
}
