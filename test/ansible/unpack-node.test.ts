import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-files.ts';

const SCRIPT = join(packageRoot, 'ansible/roles/mayfly_agent/files/unpack_node.py');

const base = mkdtempSync(join(tmpdir(), 'mayfly-unpack-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let integrity: string;

/** An npm package like that of the registry, but with another program as Node.js. */
function pack(name: string, node: string): string {
  const files = join(base, name, 'package', 'bin');
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, 'node'), node);
  const archive = join(base, `${name}.tgz`);
  spawnSync('tar', ['-czf', archive, '-C', join(base, name), 'package']);
  return archive;
}

const integrityOf = (file: string) =>
  `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;

beforeAll(() => {
  integrity = integrityOf(pack('node', '#!/bin/sh\necho v24\n'));
});

const unpack = (to: string, expected = integrity, archive = join(base, 'node.tgz')) =>
  spawnSync('/usr/bin/python3', [SCRIPT, archive, expected, to], { encoding: 'utf8' });

test('unpacks only the binary, prints it, and prints nothing the second time, without the archive', () => {
  const to = join(base, 'opt');
  expect(unpack(to)).toMatchObject({ status: 0, stdout: 'unpacked\n', stderr: '' });
  expect(spawnSync(join(to, 'bin/node'), { encoding: 'utf8' }).stdout).toBe('v24\n');
  expect(statSync(join(to, 'bin/node')).mode & 0o777).toBe(0o755);
  expect(unpack(to, integrity, join(base, 'none'))).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

test('replaces it by another one', () => {
  const to = join(base, 'again');
  unpack(to);
  const other = pack('other', 'other');
  expect(unpack(to, integrityOf(other), other).stdout).toBe('unpacked\n');
  expect(readFileSync(join(to, 'bin/node'), 'utf8')).toBe('other');
});

test('refuses an archive with another integrity, and leaves nothing that looks complete', () => {
  const to = join(base, 'refused');
  const { status, stderr } = unpack(to, 'sha512-other');
  expect(status).toBe(1);
  expect(stderr).toBe(`${join(base, 'node.tgz')} has the integrity ${integrity}, expected sha512-other\n`);
  expect(existsSync(join(to, 'integrity'))).toBe(false);
});
