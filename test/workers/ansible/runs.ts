import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { isRunning } from '../../support/processes.ts';
import { VAULT_PASSWORD } from '../../support/vault.ts';
import { type Bench, openBench } from './bench.ts';

/** The environment of the `ansible-playbook` that a worker has started. */
function environmentOf(worker: number): Record<string, string> {
  const child = spawnSync('pgrep', ['-P', `${worker}`], { encoding: 'utf8' }).stdout.trim();
  const variables = readFileSync(`/proc/${child}/environ`, 'utf8').split('\0').filter(Boolean);
  return Object.fromEntries(variables.map((variable) => variable.split(/=(.*)/s, 2)));
}

/** Directories that only one run has: one of Ansible, one of the secrets. */
function privateDirectories(worker: number): string[] {
  const { ANSIBLE_HOME = '', ANSIBLE_SSH_ARGS = '' } = environmentOf(worker);
  return [ANSIBLE_HOME, dirname(ANSIBLE_SSH_ARGS.split(' ')[1] ?? '')];
}

const commandLines = () => spawnSync('ps', ['-eww', '-o', 'args='], { encoding: 'utf8' }).stdout;

/**
 * Describes what a run has of its own, and how it is stopped.
 *
 * @param find finds the directory of the programs of Ansible; undefined: they are on the `PATH`
 */
export function describeRuns(find: () => string | undefined): void {
  let bench: Bench;
  beforeEach(() => {
    bench = openBench(find());
  });
  afterEach(() => bench.close());

  describe('a run', () => {
    const KEY = '-----BEGIN KEY-----\nabc\n-----END KEY-----';
    const settings = { sshKey: 'SSH_KEY', knownHosts: 'hosts', remoteUser: 'deploy', vaultPassword: 'VAULT' };

    async function settingsOf(env: Record<string, string>) {
      bench.configure(settings);
      writeFileSync(join(bench.worker, 'hosts'), 'server ssh-ed25519 AAAA\n');
      writeFileSync(
        join(bench.worker, 'ansible.cfg'),
        '[defaults]\nhost_key_checking = false\nretry_files_enabled = true\nfact_caching = jsonfile\n' +
          'fact_caching_connection = /tmp/shared-facts\nlocal_tmp = /tmp/shared\nremote_user = root\n',
      );
      const end = await bench.run({ body: { playbook: 'environment' }, env });
      expect(end.status, `${end.stdout}\n${end.stderr}`).toBe(0);
      return readFileSync(join(bench.traces, 'environment'), 'utf8').split('\n');
    }

    test('has files of its own and checks host keys, whatever ansible.cfg says', async () => {
      const lines = await settingsOf({ SSH_KEY: KEY, VAULT: VAULT_PASSWORD });
      const [secrets, checks, retries, cache, temporary = '', user, key = '', ...rest] = lines;
      expect({ secrets, checks, retries, cache, user }).toEqual({
        ...{ secrets: '', checks: 'True', retries: 'False', cache: 'memory', user: 'deploy' },
      });
      expect(temporary).toMatch(/\/mayfly-ansible-\w+\/tmp\/ansible-local-/);
      const text = rest.join('\n');
      expect(text).toContain(`${KEY}\nHost *\n  StrictHostKeyChecking yes\n  ForwardAgent no\n`);
      expect(text).toContain(`  IdentityFile ${key}\n  IdentitiesOnly yes\n`);
      expect(text).toMatch(/ {2}UserKnownHostsFile \S+-known-hosts\n {2}GlobalKnownHostsFile \/dev\/null\n/);
      expect([dirname(key), dirname(dirname(temporary))].map(existsSync)).toEqual([false, false]);
    });

    test('takes a secret from a file as well, and adds the line break that OpenSSH needs', async () => {
      const file = join(bench.directory, 'key');
      writeFileSync(file, KEY, { mode: 0o400 });
      const lines = await settingsOf({ SSH_KEY: file, VAULT: VAULT_PASSWORD });
      expect(lines.join('\n')).toContain(`${KEY}\nHost *\n`);
    });
  });

  describe('a run that is stopped', () => {
    async function slowRun() {
      const run = bench.start({ body: { playbook: 'slow' } });
      const pids = await eventually('the task to run', () => {
        const file = join(bench.traces, 'pid');
        const found = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
        return found.length === 2 && found;
      });
      return { run, pids };
    }

    test('ends with all that it started, and its result says where', async () => {
      const { run, pids } = await slowRun();
      expect(pids.map(isRunning)).toEqual([true, true]);
      const directories = privateDirectories(run.pid);
      expect(directories.map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
      run.stop();
      const { status, result, stdout } = await run.ended;
      expect(pids.map(isRunning)).toEqual([false, false]);
      expect({ status, result }).toEqual({
        status: 143,
        result: {
          status: 'stopped',
          message:
            'The run was stopped by SIGTERM in the task Wait for ever (slow.yml:5). What it has begun on its target may go on.',
        },
      });
      expect(stdout).toContain('TASK [Wait for ever]');
      expect(directories.map(existsSync)).toEqual([false, false]);
    });

    test('ends too if what it started ignores SIGTERM', async () => {
      const slow = join(bench.worker, 'slow.yml');
      writeFileSync(slow, readFileSync(slow, 'utf8').replace("sh -c '", `sh -c 'trap "" TERM; `));
      const { run, pids } = await slowRun();
      run.stop();
      expect(await run.ended).toMatchObject({ status: 143, result: { status: 'stopped' } });
      expect(pids.map(isRunning)).toEqual([false, false]);
    });
  });

  describe('the secrets', () => {
    const TOKEN = 'token-that-nobody-may-see';

    test('are in no command line, and in nothing that is printed', async () => {
      bench.configure({ vaultPassword: 'VAULT', sshKey: 'SSH_KEY' });
      const run = bench.start({
        body: { playbook: 'slow' },
        env: { VAULT: `${TOKEN}-1`, SSH_KEY: `${TOKEN}-2`, ANSIBLE_VERBOSITY: '3' },
      });
      await eventually('the task to run', () => existsSync(join(bench.traces, 'pid')));
      expect(commandLines()).toContain('--vault-password-file=');
      expect(commandLines()).not.toContain(TOKEN);
      expect(JSON.stringify(environmentOf(run.pid))).not.toContain(TOKEN);
      run.stop();
      const { stdout, stderr, result } = await run.ended;
      expect(`${stdout}${stderr}${JSON.stringify(result)}`).not.toContain(TOKEN);
    });
  });

  test('the program is found and started like any worker, also from a directory that cannot be written', async () => {
    chmodSync(join(bench.directory, 'ansible-worker'), 0o555);
    expect(await bench.run({ body: { playbook: 'ok' } })).toMatchObject({
      status: 0,
      result: { status: 'ok' },
    });
    const files = readdirSync(join(bench.directory, 'ansible-worker'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.includes('__pycache__'))).toEqual([]);
  });
}
