import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testQueues } from '../../support/test-queue.ts';

const open = testQueues();
const text = (StringValue: string) => ({ DataType: 'String', StringValue });
const PRINT = 'printenv MAYFLY_MESSAGE_ATTRIBUTES > $DIRECTORY/told || echo none > $DIRECTORY/told';

async function toldOf({ directory }: { directory: string }): Promise<string> {
  return (await readFile(join(directory, 'told'), 'utf8')).trimEnd();
}

test("workers get the attributes of their message, of every type, and none of mayfly's own", async () => {
  const bench = await open();
  const agent = await bench.agent(PRINT, { messageAttributes: true });
  const own = { colour: text('"blau" \n 🐛 $(id)'), size: { DataType: 'Number.float', StringValue: '1.50' } };
  const bytes = { DataType: 'Binary', BinaryValue: Uint8Array.from([0, 255]) };
  await bench.send('x', { ...own, bytes, MayflyReason: text('exit status 1') });
  agent.work.resume();
  await agent.done(1);
  const sent = { ...own, bytes: { DataType: 'Binary', BinaryValue: 'AP8=' } };
  expect(JSON.parse(await toldOf(bench))).toEqual(sent);
});

test('a message without attributes has an empty object', async () => {
  const bench = await open();
  const agent = await bench.agent(PRINT, { messageAttributes: true });
  await bench.send('x');
  agent.work.resume();
  await agent.done(1);
  expect(await toldOf(bench)).toBe('{}');
});

test('a fleet that does not ask for it has no such variable', async () => {
  const bench = await open();
  const agent = await bench.agent(PRINT);
  await bench.send('x', { colour: text('blue') });
  agent.work.resume();
  await agent.done(1);
  expect(await toldOf(bench)).toBe('none');
});

const OVERHEAD_BYTES = Buffer.byteLength(JSON.stringify({ long: text('') }));

test('a value of the longest size reaches the worker', async () => {
  const bench = await open();
  const agent = await bench.agent(PRINT, { messageAttributes: true });
  const long = text('x'.repeat(127 * 1024 - OVERHEAD_BYTES));
  await bench.send('x', { long });
  agent.work.resume();
  await agent.done(1);
  expect(JSON.parse(await toldOf(bench))).toEqual({ long });
});

test('with one byte more the message is dead-lettered, complete and with a sentence', async () => {
  const bench = await open();
  const agent = await bench.agent('echo ran >> $JOURNAL', { messageAttributes: true });
  const long = text('x'.repeat(127 * 1024 - OVERHEAD_BYTES + 1));
  await bench.send('x', { long });
  agent.work.resume();
  await bench.empty();
  const [letter] = await bench.deadLetters();
  expect(letter?.MessageAttributes?.['MayflyReason']?.StringValue).toMatch(
    /attributes have 130049 bytes as JSON, more than the 130048 that a worker's variable MAYFLY_MESSAGE_ATTRIBUTES takes/,
  );
  expect(letter?.MessageAttributes?.['long']).toEqual(long);
  expect(await bench.journal()).toEqual([]);
});
