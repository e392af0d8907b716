import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NODE_OPTIONS } from '../../local/instances/process-launcher.ts';

const SOURCES = join(import.meta.dirname, '../../systemd');
const KINDS = /\.(service|socket|timer|target|path)$/;

/**
 * The largest exposure that `systemd-analyze security` (252) may report: 0 is safe, 10 is exposed. A worker's unit has
 * to let ordinary programs run.
 */
const MOST_EXPOSURE: Record<string, number> = {
  'mayfly-agent.service': 1.6,
  'mayfly-slot@.service': 3.8,
  'mayfly-slots.service': 1.6,
  'mayfly-retire.service': 2.5,
  'mayfly-deadman.service': 1.6,
};

const units = readdirSync(SOURCES).filter((name) => KINDS.test(name));
const services = units.filter((name) => name.endsWith('.service'));

const missing = spawnSync('systemd-analyze', ['--version']).error !== undefined;
const NEEDS = 'needs systemd-analyze (Debian: the package systemd)';

const directory = mkdtempSync(join(tmpdir(), 'mayfly-units-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** The units with a program of this machine instead of those that only a worker has. */
function asIfInstalled(): string[] {
  return units.map((name) => {
    const file = join(directory, name);
    cpSync(join(SOURCES, name), file);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/^(Exec\w+=[-+!@:]*)\/(opt|usr\/local)\/\S+/gm, '$1/bin/true'));
    return file;
  });
}

function analyze(...words: string[]) {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

describe('the units', () => {
  test('have no error that systemd finds', ({ skip }) => {
    if (missing) skip(NEEDS);
    expect(analyze('verify', '--man=no', ...asIfInstalled())).toEqual({ status: 0, output: '' });
  });

  test.for(services)('%s has the smallest possible exposure', (name, { skip }) => {
    if (missing) skip(NEEDS);
    const { output } = analyze('security', '--offline=true', '--no-pager', join(SOURCES, name));
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1]);
    expect(exposure).toBeLessThanOrEqual(MOST_EXPOSURE[name] ?? Number.NaN);
  });
});

describe('the agent’s unit', () => {
  const unit = readFileSync(join(SOURCES, 'mayfly-agent.service'), 'utf8');
  const seconds = (key: string) => {
    const [, number = '', minutes] = new RegExp(`^${key}=(\\d+)(min)?$`, 'm').exec(unit) ?? [];
    return Number(number) * (minutes ? 60 : 1);
  };
  const burst = Number(/^StartLimitBurst=(\d+)$/m.exec(unit)?.[1]);

  test('is stopped while there is still a network to requeue its jobs', () => {
    expect(unit).toMatch(/^After=.*\bnetwork\.target nss-lookup\.target\b/m);
  });

  test('starts the agent like the launcher of instances without systemd', () => {
    const [, words] = /^ExecStart=\S+\/node (.*) \S+\/agent\.mjs /m.exec(unit) ?? [];
    expect(words?.split(' ')).toEqual(NODE_OPTIONS);
  });

  test('fails within two minutes if it crashes at every start', () => {
    const startSeconds = 2;
    expect(burst * (seconds('RestartSec') + startSeconds)).toBeLessThan(120);
  });

  test('fails in the end if it hangs at every start, or soon after', () => {
    const pauses = seconds('RestartSec') + seconds('TimeoutAbortSec');
    const hung = Math.max(seconds('TimeoutStartSec'), seconds('WatchdogSec') + 120);
    expect(burst * (hung + pauses)).toBeLessThanOrEqual(seconds('StartLimitIntervalSec'));
  });
});

describe('a slot’s unit', () => {
  const unit = readFileSync(join(SOURCES, 'mayfly-slot@.service'), 'utf8');

  test('is stopped after the agent at shutdown, because the agent ends its worker', () => {
    expect(unit).toMatch(/^Before=mayfly-agent\.service$/m);
  });

  test('forbids keys in the kernel with ENOSYS, so that container runtimes work without them', () => {
    expect(unit).toMatch(/^SystemCallFilter=~.* @keyring:ENOSYS /m);
  });

  test('is not started again and again by systemd for a connection that it could not accept', () => {
    const socket = readFileSync(join(SOURCES, 'mayfly-slot@.socket'), 'utf8');
    expect(socket).toMatch(/^Accept=no$/m);
    expect(socket).toMatch(/^FlushPending=yes$/m);
  });
});
