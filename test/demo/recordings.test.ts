import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { missingSteps, ROLLING } from '../../demo/recordings/rolling.ts';
import { DAMAGES, DOCTOR, missingReasons, WAITING } from '../../demo/recordings/script.ts';
import { toRows, toText } from '../../demo/recordings/text.ts';
import { shellLines } from '../support/shell-blocks.ts';

const recorded = (name: string) =>
  readFile(join(import.meta.dirname, '../../docs/recordings', `${name}.txt`), 'utf8');

/** Checks the verbs and options of a command line. */
function problemOf(words: readonly string[]): string | undefined {
  let command: Command = createProgram();
  for (const word of words) {
    const below = command.commands.find((one) => one.name() === word);
    if (below) command = below;
    else if (word.startsWith('--') && !command.options.some(({ long }) => long === word)) return `no ${word}`;
  }
  return command.parent ? undefined : `no verb: ${words.join(' ')}`;
}

test('the recordings use existing verbs and options', () => {
  const steps = [...DOCTOR, ...WAITING, ...ROLLING, ...ROLLING.flatMap(({ meanwhile }) => meanwhile ?? [])];
  const typed = steps.flatMap((step) => step.typed.match(/mayfly [^|;>&']*/g) ?? []);
  expect(typed.length).toBeGreaterThan(10);
  expect(typed.flatMap((line) => problemOf(line.trim().split(' ').slice(1)) ?? [])).toEqual([]);
});

test('doctor: the recording has the script, all ten findings, and a repaired fleet at its end', async () => {
  const text = await recorded('doctor');
  expect(DAMAGES).toHaveLength(10);
  expect(DOCTOR.filter(({ typed }) => !text.includes(`$ ${typed}\n`))).toEqual([]);
  expect(DAMAGES.filter(({ finding }) => !new RegExp(`^(warn|bad ) .*${finding}`, 'm').test(text))).toEqual(
    [],
  );
  expect(text).toMatch(/\nAll is well\.\n$/);
});

test('waiting: the recording has the script, and the reason of each wait', async () => {
  const text = await recorded('waiting');
  for (const { comment } of WAITING) expect(text).toContain(`# ${comment}\n`);
  expect(missingReasons(text)).toEqual([]);
  expect(missingReasons(text.replace('is paused since', 'is not paused'))).toEqual(['why does it wait?']);
});

test('rolling: the recording has the script, and what each step shows', async () => {
  const text = await recorded('rolling');
  expect(ROLLING.filter(({ typed }) => !text.includes(`$ ${typed}\n`))).toEqual([]);
  expect(missingSteps(text)).toEqual([]);
  expect(missingSteps(text.replaceAll('of batch 3 failed', 'of batch 2 failed'))).toEqual(['run it']);
});

test('rolling: the page of the example has the same commands', async () => {
  const page = await readFile(join(import.meta.dirname, '../../examples/rolling/README.md'), 'utf8');
  const typed = ROLLING.map((step) => step.typed.replace(/\bmayfly (?=[a-z]+ )/g, 'npx mayfly '));
  expect(shellLines(page).slice(4)).toEqual([...typed, 'node examples/rolling/servers.mjs stop']);
});

test('a line that is too long for the picture continues in the next row, with its indentation', () => {
  const rows = toRows(
    [
      { kind: 'typed', atMs: 1, text: 'one two three' },
      { kind: 'printed', atMs: 2, text: '  four five six' },
    ],
    12,
  );
  expect(rows.map(({ kind, text }) => [kind, text])).toEqual([
    ['typed', 'one two'],
    ['printed', '    three'],
    ['printed', '  four'],
    ['printed', '  five six'],
  ]);
  expect(toText(rows.slice(0, 1))).toBe('$ one two\n');
});
