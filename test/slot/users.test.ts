import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const PROGRAM = join(import.meta.dirname, '../../systemd/mayfly-slots.py');
const FILES = ['passwd', 'shadow', 'group', 'gshadow', 'login.defs', 'nsswitch.conf'];
const EXPIRED = '1';

let etc: string;
beforeEach(({ skip }) => {
  skip(
    spawnSync('unshare', ['--mount', 'useradd', '--help']).status !== 0,
    'it takes root to have another /etc',
  );
  etc = mkdtempSync(join(tmpdir(), 'mayfly-etc-'));
  for (const file of FILES) cpSync(join('/etc', file), join(etc, file));
  inEtc('groupadd', '--force', '--system', 'mayfly-worker');
});
afterEach(() => rmSync(etc, { recursive: true, force: true }));

/** Runs a program with a private copy of the users of this machine. */
function inEtc(...words: string[]): void {
  const script = 'mount --bind "$0" /etc && exec "$@"';
  const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, etc, ...words], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

/** The fields of the slots' users in a file of /etc. */
function slotsIn(file: 'passwd' | 'shadow'): string[][] {
  const lines = readFileSync(join(etc, file), 'utf8').split('\n');
  return lines.map((line) => line.split(':')).filter(([name]) => name?.startsWith('mayfly-slot-'));
}

const expiries = () => slotsIn('shadow').map(([name, , , , , , , expiry]) => [name, expiry]);

test('each slot has a user whose account has expired', () => {
  inEtc('python3', PROGRAM, '--users', '2');
  expect(expiries()).toEqual([
    ['mayfly-slot-1', EXPIRED],
    ['mayfly-slot-2', EXPIRED],
  ]);
});

test('a user whose creation was interrupted by a power-off has an expired account too', () => {
  inEtc('useradd', '--system', '--gid', 'mayfly-worker', '--no-create-home', 'mayfly-slot-1');
  inEtc('python3', PROGRAM, '--users', '1');
  expect(expiries()).toEqual([['mayfly-slot-1', EXPIRED]]);
});

test('there are users for more slots than distributions have numbers for system users', () => {
  const passwd = join(etc, 'passwd');
  const others = Array.from({ length: 1000 }, (_, id) => `other-${id}:x:${id}:100::/:/usr/sbin/nologin\n`);
  writeFileSync(passwd, `${readFileSync(passwd, 'utf8')}${others.join('')}`);
  inEtc('python3', PROGRAM, '--users', '2');
  expect(new Set(slotsIn('passwd').map(([, , id]) => id)).size).toBe(2);
});
