import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram } from '../../../agent/runner/find-program.ts';
import { WorkerMissingError } from '../../../agent/runner/runner.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-command-'));
  await mkdir(join(directory, 'folder'));
  await writeFile(join(directory, 'script'), '#!/bin/sh\n');
  await writeFile(join(directory, 'plain'), '#!/bin/sh\n');
  await writeFile(join(directory, 'orphan'), '#!/no/such/interpreter -x\n');
  await chmod(join(directory, 'script'), 0o755);
  await chmod(join(directory, 'orphan'), 0o755);
});

afterAll(() => rm(directory, { recursive: true }));

test.each([
  ['./script', '/nowhere', 'script'],
  ['script', '/nowhere:DIRECTORY', 'script'],
])('%s is found, with %s as PATH', async (word, path, file) => {
  const found = await findProgram(word, directory, path.replace('DIRECTORY', directory));
  expect(found).toBe(join(directory, file));
});

test.each([
  ['./missing', /"\.\/missing" cannot be run: there is no file .*missing$/],
  ['./folder', /is not a file/],
  ['./plain', /is not executable \(chmod \+x\)/],
  ['./orphan', /asks for the interpreter \/no\/such\/interpreter, which is not there/],
  ['script', /there is no such program on PATH \(\/usr\/no\)/],
])('%s is refused with the reason', async (word, message) => {
  const found = findProgram(word, directory, '/usr/no');
  await expect(found).rejects.toThrow(WorkerMissingError);
  await expect(found).rejects.toThrow(message);
});
