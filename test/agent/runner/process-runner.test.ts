import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openProcessBench, outputOf } from '../../support/runner-kinds.ts';

// Tests of both kinds of runners are in runners.test.ts.

test('a body is not left on the disk', async () => {
  const shop = await openProcessBench();
  onTestFinished(() => shop.close());
  const files = async () => (await readdir(tmpdir())).filter((name) => /^mayfly-[0-9a-f]{8}-/.test(name));
  const before = new Set(await files());
  const runner = await shop.runnerOf(['sleep', '600']);
  const run = runner.start({ stdin: 'secret', argument: undefined, variables: {} });
  expect((await files()).filter((name) => !before.has(name))).toEqual([]);
  runner.close();
  expect(await run.ended).toMatchObject({ kind: 'signalled', signal: 'SIGKILL' });
});

test('a file is in memory, and those of an agent that was killed are removed by the next one', async () => {
  const shop = await openProcessBench();
  onTestFinished(() => shop.close());
  const print = await shop.start('echo $KEY', { files: { KEY: 'secret' } });
  const path = (await outputOf(print)).trim();
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  expect(dirname(dirname(path))).toBe(parent);
  // A process that has ended, and one that runs.
  const { pid } = spawnSync('true');
  const [stale, live] = [pid, process.ppid].map((owner) => join(parent, `mayfly-${owner}-aBc123`));
  for (const directory of [stale, live]) {
    mkdirSync(`${directory}`);
    writeFileSync(join(`${directory}`, 'KEY'), 'secret', { mode: 0o400 });
    onTestFinished(() => rmSync(`${directory}`, { recursive: true, force: true }));
  }
  await shop.runnerOf(['true']);
  expect([stale, live].map((directory) => existsSync(`${directory}`))).toEqual([false, true]);
});
