import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bareFleets } from '../support/bare-fleet.ts';

const open = bareFleets();

const TARGETS = 100_000;
const MOST_SECONDS = 60;
/** What the command may have of memory for its objects. It ends with an error if it needs more. */
const HEAP_MIB = 128;

it(`${TARGETS} targets are submitted in ${MOST_SECONDS} s, with ${HEAP_MIB} MiB`, async () => {
  const bare = await open();
  const file = join(bare.directory, 'targets');
  await writeFile(file, Array.from({ length: TARGETS }, (_, number) => `server-${number + 1}\n`).join(''));
  bare.env['NODE_OPTIONS'] = `--max-old-space-size=${HEAP_MIB}`;
  const startMs = performance.now();
  const run = await bare.mayfly('request', 'run', '--targets', file, '--group', 'web', '--id', 'many');
  const seconds = (performance.now() - startMs) / 1000;
  expect(run.exitCode, run.stderr).toBe(0);
  expect(seconds).toBeLessThanOrEqual(MOST_SECONDS);
  expect(await bare.fleet.requests.show('many')).toMatchObject({
    state: 'open',
    count: TARGETS,
    held: TARGETS - 1,
    running: 1,
  });
});
