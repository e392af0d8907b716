import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { openProcessBench } from '../../support/runner-kinds.ts';

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
