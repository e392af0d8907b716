import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { missingForSlots } from '../../bench/setup/slot-sockets.ts';

const SOURCES = join(import.meta.dirname, '../../systemd/mayfly-slot');

let directory: string;
beforeEach(({ skip }) => {
  skip(missingForSlots() !== undefined, missingForSlots());
  directory = mkdtempSync(join(tmpdir(), 'mayfly-scratch-'));
  mkdirSync(join(directory, 'of/a/worker'), { recursive: true });
  writeFileSync(join(directory, 'of/a/worker/file'), '');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The result of the slot's function for the directory, with this much time. */
function emptied(seconds: number): string {
  const program = `import sys, time
sys.path.insert(0, sys.argv[1])
from scratch import emptied
print(emptied(sys.argv[2], time.monotonic() + float(sys.argv[3])))`;
  const words = ['-ISB', '-c', program, SOURCES, directory, `${seconds}`];
  const { stdout, stderr } = spawnSync('/usr/bin/python3', words, { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim();
}

test('a directory is emptied', () => {
  expect(emptied(60)).toBe('True');
  expect(readdirSync(directory)).toEqual([]);
});

test('a directory that takes too long is left to the end of the slot: the end of the job does not wait for it', () => {
  expect(emptied(-1)).toBe('False');
  expect(readdirSync(directory)).toEqual(['of']);
});
