import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { VAULT_PASSWORD } from '../../support/vault.ts';
import { type Bench, type Job, openBench, type Result, type Settings } from './bench.ts';

interface Case {
  playbook: string;
  target?: string;
  /** Keys of the body beside `playbook`. */
  body?: object;
  env?: Record<string, string>;
  settings?: Settings;
  status: number;
  result: Partial<Record<keyof Result, unknown>>;
  stdout?: RegExp;
  /** What the playbooks have left. Default: nothing. */
  left?: string[];
}

const NONE = { ok: 0, changed: 0, unreachable: 0, failed: 0, skipped: 0, rescued: 0, ignored: 0 };
const recap = (counts: Partial<typeof NONE>) => ({ ...NONE, ...counts });
const failedAt = (place: string, task: string, message: RegExp) => {
  const [file, line] = place.split(':');
  return { task, file, line: Number(line), message: expect.stringMatching(message) };
};
const matching = (text: RegExp) => expect.stringMatching(text);
const noHost = (message: RegExp): Pick<Case, 'status' | 'result'> => ({
  status: 65,
  result: { status: 'no-host-matched', message: matching(message) },
});
const refused = (message: RegExp): Pick<Case, 'status' | 'result'> => ({
  status: 65,
  result: { status: 'error', message: matching(message) },
});
const releases = (name: string) => ({
  playbooks: { [name]: { path: `${name}.yml`, inventory: 'inventory.yml', extraVars: ['release'] } },
});

/** What becomes of a run. */
const ENDS: Record<string, Case> = {
  ok: {
    ...{ playbook: 'ok', status: 0, stdout: /this is web1/ },
    result: { status: 'ok', recap: recap({ ok: 1 }) },
  },
  changed: {
    ...{ playbook: 'changed', status: 0 },
    result: { status: 'changed', recap: recap({ ok: 2, changed: 1 }) },
  },
  failed: {
    ...{ playbook: 'failed', status: 2 },
    result: {
      status: 'failed',
      message: 'A task failed on web1: Restart it (failed.yml:5).',
      recap: recap({ failed: 1 }),
      failedTask: failedAt('failed.yml:5', 'Restart it', /^non-zero return code\nwhy it failed$/),
    },
  },
  'failed in a loop': {
    ...{ playbook: 'loop', status: 2 },
    result: {
      status: 'failed',
      message: matching(/Check each/),
      recap: recap({ failed: 1 }),
      failedTask: failedAt('loop.yml:5', 'Check each', /2 is too large/),
    },
  },
  unreachable: {
    ...{ playbook: 'unreachable', target: 'down1', status: 4 },
    result: {
      status: 'unreachable',
      message: 'The host down1 is unreachable: Log in (unreachable.yml:5).',
      recap: recap({ unreachable: 1 }),
      failedTask: failedAt('unreachable.yml:5', 'Log in', /Could not resolve hostname no-such-host.invalid/),
    },
  },
  'an ignored failure': {
    ...{ playbook: 'ignored', status: 0 },
    result: { status: 'ok', recap: recap({ ok: 1, ignored: 1 }) },
  },
  'a rescued failure': {
    ...{ playbook: 'rescued', status: 0 },
    result: { status: 'ok', recap: recap({ ok: 1, rescued: 1 }) },
  },
  'plays for other hosts alone': {
    playbook: 'other-hosts',
    status: 65,
    result: {
      status: 'no-host-matched',
      message: 'No play of the playbook other-hosts is for the host web1.',
      recap: NONE,
    },
  },
  'a play for it that has no tasks': {
    ...{ playbook: 'two-plays', status: 0 },
    result: { status: 'ok', recap: NONE },
  },
  'an undefined variable': {
    ...{ playbook: 'undefined', status: 2 },
    result: {
      status: 'failed',
      message: matching(/Say it/),
      recap: recap({ failed: 1 }),
      failedTask: failedAt('undefined.yml:5', 'Say it', /'nothing_like_that' is undefined/),
    },
  },
  'an undefined variable outside of a task': {
    ...{ playbook: 'undefined-hosts', status: 70 },
    result: {
      status: 'error',
      message: matching(/'nothing_like_that' is undefined.*undefined-hosts\.yml/s),
    },
  },
  'an error after a change': {
    ...{ playbook: 'late-error', status: 70, stdout: /changed: \[web1\]/ },
    result: { status: 'error', message: matching(/'nothing_like_that' is undefined/) },
  },
  'a playbook that does not parse': {
    ...{ playbook: 'broken', status: 70 },
    result: {
      status: 'error',
      message: matching(/(expected '-' indicator|Colons in unquoted values).*broken\.yml(:5|': line 5)/s),
    },
  },
  'an unknown module': {
    ...{ playbook: 'unknown-module', status: 70 },
    result: { status: 'error', message: matching(/^couldn't resolve module\/action 'no_such_module'/) },
  },
  'a failure that must not be logged': {
    ...{ playbook: 'no-log', status: 2 },
    result: {
      status: 'failed',
      message: matching(/Use a password/),
      recap: recap({ failed: 1 }),
      failedTask: failedAt('no-log.yml:5', 'Use a password', /^the output has been hidden/),
    },
  },
};

/** What a job may ask for. */
const OPTIONS: Record<string, Case> = {
  'check mode': {
    ...{ playbook: 'changed', body: { check: true }, status: 0, stdout: /skipping: \[web1\]/ },
    result: { status: 'ok', recap: recap({ ok: 1, skipped: 1 }) },
  },
  diff: {
    ...{ playbook: 'environment', body: { check: true, diff: true }, status: 0 },
    ...{ settings: { sshKey: 'SSH_KEY' }, env: { SSH_KEY: 'key' }, stdout: /^\+False$/m },
    result: { status: 'changed', recap: recap({ ok: 1, changed: 1 }) },
  },
  tags: {
    ...{ playbook: 'changed', body: { tags: ['said', 'other'] }, status: 0, stdout: /release none/ },
    result: { status: 'ok', recap: recap({ ok: 1 }) },
  },
  'tags to skip': {
    ...{ playbook: 'changed', body: { skipTags: ['said'] }, status: 0 },
    result: { status: 'changed', recap: recap({ ok: 1, changed: 1 }) },
  },
  'an extra variable': {
    ...{ playbook: 'changed', body: { extraVars: { release: '7.1' } }, settings: releases('changed') },
    ...{ status: 0, stdout: /release 7\.1/ },
    result: { status: 'changed', recap: recap({ ok: 2, changed: 1 }) },
  },
};

/** Targets that are not the name of one host of the inventory. None may run anywhere. */
const TARGETS: Record<string, [target: string, end: Pick<Case, 'status' | 'result'>]> = {
  'a host that is not in the inventory': ['web3', noHost(/^The inventory has no host web3\.$/)],
  'a group': ['web', noHost(/^The inventory has no host web\.$/)],
  'a group of one host': ['lonely', noHost(/^The inventory has no host lonely\.$/)],
  'all hosts': ['all', noHost(/^The inventory has no host all\.$/)],
  'the controller, which is in no inventory': [
    'localhost',
    noHost(/^The inventory has no host localhost\.$/),
  ],
  'no target': ['', refused(/^The job has no target/)],
  'a wildcard': ['web*', refused(/^The target "web\*" is not the name of one host\.$/)],
  'two hosts': ['web1:web2', refused(/is not the name of one host/)],
  'two hosts with a comma': ['web1,web2', refused(/is not the name of one host/)],
  'all but one': ['!web2', refused(/is not the name of one host/)],
  'an intersection': ['&web', refused(/is not the name of one host/)],
  'a file': ['@inventory.yml', refused(/is not the name of one host/)],
  'a regular expression': ['~web.', refused(/is not the name of one host/)],
  'an index of a group': ['web[0]', refused(/is not the name of one host/)],
  'an option': ['--check', refused(/is not the name of one host/)],
  'an address that no host has': ['2001:db8::1', noHost(/^The inventory has no host 2001:db8::1\.$/)],
};

/** Each of these runs a program if it is evaluated. */
const evil = (traces: string) => ({
  release: `{{ lookup('pipe', 'touch ${traces}/release') }}`,
  expression: `lookup('pipe', 'touch ${traces}/expression')`,
  settings: {
    list: [
      `{{ lookup('pipe', 'touch ${traces}/list') }}`,
      { deep: `{{ lookup('pipe', 'touch ${traces}/deep') }}` },
    ],
    [`{{ lookup('pipe', 'touch ${traces}/key') }}`]: `{% if lookup('pipe', 'touch ${traces}/if') %}{% endif %}`,
    raw: `{% raw %}{{ lookup('pipe', 'touch ${traces}/raw') }}{% endraw %}`,
  },
  text: 'é \u2028 "quoted" \\ \u0007 \u{1f600} # no comment\n- 1: 2',
});

const NUMBERS = {
  integer: 12_345_678_901,
  real: 1.5,
  large: 1e22,
  small: 1e-7,
  yes: true,
  nothing: null,
};

/** YAML would take them for something else if they had no quotes. */
const TEXTS = [
  '',
  '00012',
  'yes',
  'null',
  '~',
  '1e3',
  '1:30',
  '2001-12-14 21:59:43',
  '=',
  '<<',
  '.inf',
  '0x1F',
];

/**
 * Describes what becomes of jobs.
 *
 * @param find finds the directory of the programs of Ansible; undefined: they are on the `PATH`
 */
export function describeTable(find: () => string | undefined): void {
  let ansible: string | undefined;
  beforeAll(() => {
    ansible = find();
  });

  async function inBench<Value>(settings: Settings, use: (bench: Bench) => Promise<Value>): Promise<Value> {
    const bench = openBench(ansible);
    try {
      bench.configure(settings);
      return await use(bench);
    } finally {
      bench.close();
    }
  }

  const check = ({ playbook, target, body, env, settings = {}, left = [], ...expected }: Case) =>
    inBench(settings, async (bench) => {
      const job: Job = { target, body: { playbook, ...body }, env: env ?? {} };
      const { status, stdout, stderr, result } = await bench.run(job);
      expect({ status, result, left: bench.left() }, `${stdout}\n${stderr}`).toEqual({
        ...{ status: expected.status, result: expected.result, left },
      });
      if (expected.stdout) expect(stdout).toMatch(expected.stdout);
    });

  describe.concurrent('a run', () => {
    test.each(Object.entries(ENDS))('ends with its status and result: %s', (_, one) => check(one));
    test.each(Object.entries(OPTIONS))('has what its job asks for: %s', (_, one) => check(one));

    test('of one host leaves the others alone', () =>
      check({
        ...{ playbook: 'everywhere', target: 'web2', status: 0, left: ['web2'] },
        result: { status: 'changed', recap: recap({ ok: 1, changed: 1 }) },
      }));

    test('has a result of at most 4 KiB, however long its messages are', () =>
      inBench({}, async (bench) => {
        const { status, result } = await bench.run({ body: { playbook: 'long' } });
        const { task = '', message = '' } = result?.failedTask ?? {};
        expect([status, result?.status]).toEqual([2, 'failed']);
        expect([task, message]).toEqual([matching(/^Long Long .* \.\.\.$/), matching(/^é+ \.\.\.$/)]);
        expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThanOrEqual(4096);
        expect(message.length).toBeGreaterThan(100);
      }));

    test('prints a line for each task, and writes no result if nobody asks for one', () =>
      inBench({}, async (bench) => {
        const { status, stdout, result } = await bench.run({
          body: { playbook: 'changed' },
          hasResult: false,
        });
        expect({ status, result }).toEqual({ status: 0, result: undefined });
        expect(stdout).toMatch(/^TASK \[Restart it\] \*+\nchanged: \[web1\]$/m);
      }));
  });

  describe.concurrent('a target', () => {
    test.each(Object.entries(TARGETS))('is one host by its name, and never %s', (_, [target, end]) =>
      check({ playbook: 'everywhere', target, ...end }),
    );

    test('is not the controller, even if a play names it', () =>
      check({ playbook: 'localhost', target: 'localhost', ...noHost(/no host localhost/) }));
  });

  describe.concurrent('an extra variable', () => {
    const settings = {
      playbooks: {
        templates: {
          ...{ path: 'templates.yml', inventory: 'inventory.yml' },
          extraVars: ['release', 'expression', 'settings', 'text'],
        },
      },
    };

    test('is never evaluated as a template, however deep it is', () =>
      inBench(settings, async (bench) => {
        const extraVars = evil(bench.traces);
        const { status, stdout, stderr } = await bench.run({ body: { playbook: 'templates', extraVars } });
        expect(status, `${stdout}\n${stderr}`).toBe(0);
        expect(bench.left()).toEqual(['templated', 'written']);
        const written = JSON.parse(readFileSync(join(bench.traces, 'written'), 'utf8'));
        expect(written).toEqual([extraVars.release, extraVars.settings, extraVars.text]);
        expect(readFileSync(join(bench.traces, 'templated'), 'utf8')).toContain(extraVars.release);
      }));

    test("would be evaluated if it were the owner's", () =>
      inBench({}, async (bench) => {
        const variables = { ansible_connection: 'local', ...evil(bench.traces) };
        const inventory = { web: { hosts: { web1: variables } } };
        writeFileSync(join(bench.worker, 'own.yml'), JSON.stringify(inventory));
        bench.configure({ playbooks: { templates: { path: 'templates.yml', inventory: 'own.yml' } } });
        await bench.run({ body: { playbook: 'templates' } });
        expect(bench.left()).toEqual(expect.arrayContaining(['deep', 'if', 'list', 'release']));
      }));

    test('is a number, a boolean, null or a text as it was in JSON', () =>
      inBench(settings, async (bench) => {
        const extraVars = { release: '', expression: false, settings: NUMBERS, text: TEXTS };
        await bench.run({ body: { playbook: 'templates', extraVars } });
        const written = JSON.parse(readFileSync(join(bench.traces, 'written'), 'utf8'));
        expect(written).toEqual(['', NUMBERS, TEXTS]);
      }));
  });

  describe.concurrent('the vault password', () => {
    const settings = { vaultPassword: 'VAULT' };

    test('decrypts what the playbook reads', () =>
      check({
        ...{ playbook: 'secret', settings, env: { VAULT: VAULT_PASSWORD }, status: 0 },
        ...{ stdout: /it is it was encrypted/, result: { status: 'ok', recap: recap({ ok: 1 }) } },
      }));

    test.each([
      ['if it is wrong', settings, { VAULT: 'wrong' }, /Decryption failed/],
      ['if there is none', {}, {}, /no vault secrets found/],
    ])('ends the job with a sentence %s', (_, given, env, message) =>
      check({
        ...{ playbook: 'secret', settings: given, env, status: 77 },
        result: { status: 'error', message: matching(message) },
      }),
    );
  });
}
