import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testQueues } from '../../support/test-queue.ts';

const open = testQueues();

/** Every character below U+0100 that SQS accepts, and samples of those above ("SendMessage"). */
const EVERY_KIND = [
  '\t\n\r',
  ...Array.from({ length: 0x100 - 0x20 }, (_, index) => String.fromCodePoint(0x20 + index)),
  '\u2028\uD7FF\uE000\uFFFD\u{1F680}\u{10FFFF}',
].join('');

test.each([
  ['every kind of character', EVERY_KIND],
  ['what a shell would take for its own', '$(touch hacked) `id` "; exit 1 # \\n'],
  ['blanks alone', ' \t\n '],
  ['1 MiB', 'x'.repeat(1_048_576)],
])('%s reaches the worker unchanged', async (_, body) => {
  const bench = await open();
  const agent = await bench.agent('cat > received');
  await bench.send(body);
  agent.work.resume();
  await agent.done(1);
  await bench.empty();
  expect((await readFile(join(bench.directory, 'received'), 'utf8')) === body).toBe(true);
});

test('a worker may leave its input unread, or open it by name', async () => {
  const bench = await open();
  const agent = await bench.agent('[ "$1" = skip ] || cat /dev/stdin >> received', { concurrency: 2 });
  await bench.send('skip');
  await bench.send('by name');
  agent.work.resume();
  await agent.done(2);
  await bench.empty();
  expect(await readFile(join(bench.directory, 'received'), 'utf8')).toBe('by name');
  expect(await bench.deadLetters()).toEqual([]);
});

test('a body of the full size reaches the dead-letter queue', async () => {
  const bench = await open();
  const agent = await bench.agent('exit 65');
  await bench.send('x'.repeat(1_048_576));
  agent.work.resume();
  await agent.done(1);
  await bench.empty();
  const [letter] = await bench.deadLetters();
  expect(letter?.Body?.length).toBe(1_048_576);
});

test('two messages with the same body are two jobs', async () => {
  const bench = await open();
  const agent = await bench.agent('echo $MAYFLY_JOB_ID >> $JOURNAL');
  const ids = [await bench.send('same'), await bench.send('same')].map((id) => `m-${id}`);
  agent.work.resume();
  await agent.done(2);
  expect((await bench.journal()).sort()).toEqual(ids.sort());
});

test("a worker gets its own environment, nothing of the agent's, and cannot find the agent by it", async () => {
  const bench = await open();
  const agent = await bench.agent('env > received', { limitSeconds: 60 });
  await bench.send(
    '{"mayfly": 1, "id": "j-1", "payload": "x", "group": "f/g-1", "label": "l-1", "requestId": "r-1"}',
  );
  agent.work.resume();
  await agent.done(1);
  const lines = (await readFile(join(bench.directory, 'received'), 'utf8')).trim().split('\n');
  const variables = new Map(lines.map((line) => line.split(/=(.*)/s, 2) as [string, string]));
  const names = [...variables.keys()].filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name));
  const passed = ['PATH', 'HOME', 'LANG', 'TMPDIR'].filter((name) => process.env[name] !== undefined);
  const told = ['MAYFLY_GROUP', 'MAYFLY_LABEL', 'MAYFLY_REQUEST_ID'];
  const ofGroup = ['MAYFLY_TARGET', 'MAYFLY_INDEX', 'MAYFLY_COUNT'];
  const own = ['MAYFLY_JOB_ID', 'MAYFLY_ATTEMPT', 'MAYFLY_DEADLINE', 'MAYFLY_RESULT', ...told, ...ofGroup];
  expect(names.sort()).toEqual([...passed, ...own, 'JOURNAL', 'DIRECTORY'].sort());
  expect(told.map((name) => variables.get(name))).toEqual(['f/g-1', 'l-1', 'r-1']);
  expect(ofGroup.map((name) => variables.get(name))).toEqual(['', '', '']);
  const leftMs = Date.parse(variables.get('MAYFLY_DEADLINE') ?? '') - Date.now();
  expect(leftMs).toBeGreaterThan(30_000);
  expect(leftMs).toBeLessThanOrEqual(60_000);
});
