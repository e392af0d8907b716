import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { residentMiB } from '../../bench/setup/resident.ts';
import { deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';

const startFleet = deployedFleets();
const BIN = resolve(import.meta.dirname, '../../bin/mayfly.js');
const BYTES = 1024 ** 3;
const POLL_MS = 100;
/** The agent's memory grows by this at most, however much a worker prints. */
const GROWTH_MIB = 40;
const PROPS = {
  command: ['node', './print.mjs'],
  workerDirectory: join(import.meta.dirname, '../fixtures/printing'),
  maxCapacity: 1,
  lease: Duration.seconds(60),
  idleTimeout: Duration.minutes(10),
};

it('1 GiB of output is read byte by byte while it is printed, and the agent stays small', async () => {
  const fleet = await startFleet(PROPS);
  const first = await fleet.library.enqueue('1');
  await fleet.library.wait([first.id], { timeoutSeconds: 120 });
  const [instance = ''] = await fleet.instances();
  const pid = await fleet.agentPid(instance);
  const idleMiB = await residentMiB(pid);

  const { id } = await fleet.library.enqueue(`${BYTES}`);
  let highestMiB = idleMiB;
  const watch = setInterval(async () => {
    highestMiB = Math.max(highestMiB, await residentMiB(pid).catch(() => 0));
  }, POLL_MS);
  const script = '"$0" "$1" logs --follow "$2" | sha256sum';
  const reading = execa('sh', ['-c', script, process.execPath, BIN, id]);
  const [job] = await fleet.library.wait([id], { pollSeconds: 1, timeoutSeconds: 900 });
  const endedMs = performance.now();
  clearInterval(watch);
  expect(job).toMatchObject({ state: 'succeeded', log: { stdoutBytes: BYTES, stderrBytes: 0 } });
  const [read] = (await reading).stdout.split(' ');
  const lagSeconds = (performance.now() - endedMs) / 1000;

  const printed = await eventually('the hash of what was printed', async () =>
    (await readFile(join(fleet.directory, 'journal.jsonl'), 'utf8')).trimEnd().split('\n').at(1),
  );
  expect(read).toBe(printed);
  console.log(
    `grew by ${(highestMiB - idleMiB).toFixed(1)} MiB; read ${lagSeconds.toFixed(1)} s after the end`,
  );
  expect(highestMiB - idleMiB).toBeLessThanOrEqual(GROWTH_MIB);
  // A reader that could not keep up would be minutes behind.
  expect(lagSeconds).toBeLessThan(30);
}, 1_200_000);
