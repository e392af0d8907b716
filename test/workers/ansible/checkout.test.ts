import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ANSIBLE_MISSING, lacksAnsible } from '../../ansible/serial/ansible.ts';
import { eventually } from '../../support/eventually.ts';
import { type Bench, openBench, type Settings } from './bench.ts';
import {
  createPrograms,
  createRepository,
  type GitServer,
  serve,
  type TestRepository,
} from './repository.ts';

const TOKEN = 'token-that-nobody-may-see';

let shared: Bench;
let repository: TestRepository;
let server: GitServer;
beforeAll(async () => {
  shared = openBench();
  repository = await createRepository(shared.directory);
  server = await serve(shared.directory, repository.directory, `deploy:${TOKEN}`);
});
afterAll(async () => {
  await server.close();
  shared.close();
});

let bench: Bench;
let programs: ReturnType<typeof createPrograms>;
let checkouts: string;
beforeEach(({ skip }) => {
  skip(lacksAnsible(), ANSIBLE_MISSING);
  bench = openBench();
  programs = createPrograms(bench.directory);
  checkouts = join(bench.directory, 'checkouts');
});
afterEach(() => bench?.close());

/** Places of commits. */
const [FIRST, SECOND] = [0, 1] as const;

/** @param changes keys of the playbook */
function configure(changes: object, settings: Settings = {}) {
  const [commit] = repository.commits;
  const site = {
    path: 'site.yml',
    inventory: 'hosts.yml',
    repository: `file://${repository.directory}`,
    commit,
  };
  bench.configure({ checkouts, ...settings, playbooks: { site: { ...site, ...changes } } });
}

function start(env: Record<string, string> = {}) {
  const PATH = `${programs.path}:/usr/bin:/bin`;
  return bench.start({ body: { playbook: 'site' }, env: { PATH, ...env } });
}

/** Each fetch begins with an empty repository. */
const fetches = () => programs.gitCalls().filter((call) => call.includes(' init ')).length;

describe('a playbook of a repository', () => {
  test.each([FIRST, SECOND])('is that of the commit: %i', async (index) => {
    configure({ commit: repository.commits[index] });
    const { status, stdout, stderr } = await start().ended;
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(`"msg": "${['first', 'second'][index]}"`);
  });

  test('is fetched once for all runs, also for those that begin at once, and nobody can change it', async () => {
    configure({});
    const both = [start(), start()].map(({ ended }) => ended);
    for (const { status, stderr } of await Promise.all(both)) expect(status, stderr).toBe(0);
    expect((await start().ended).status).toBe(0);
    expect(fetches()).toBe(1);
    const [name = ''] = readdirSync(checkouts).filter((entry) => !entry.endsWith('.lock'));
    const mode = (...path: string[]) => statSync(join(checkouts, name, ...path)).mode & 0o777;
    expect([mode(), mode('site.yml'), mode('run.sh')]).toEqual([0o555, 0o444, 0o555]);
    expect(readdirSync(join(checkouts, name)).sort()).toEqual(['hosts.yml', 'run.sh', 'site.yml']);
  });

  test('is fetched again for another commit', async () => {
    configure({});
    await start().ended;
    configure({ commit: repository.commits[SECOND] });
    expect((await start().ended).stdout).toContain('"msg": "second"');
    expect(fetches()).toBe(2);
  });

  test('is fetched again if the run that fetched it was stopped, which leaves nothing', async () => {
    configure({});
    programs.holdGit();
    const stopped = start();
    await eventually('the fetch', () => programs.gitCalls().some((call) => call.includes(' fetch ')));
    stopped.stop();
    expect(await stopped.ended).toMatchObject({ status: 143, result: { status: 'stopped' } });
    expect(readdirSync(checkouts).filter((name) => !name.endsWith('.lock'))).toEqual([]);
    programs.releaseGit();
    expect((await start().ended).stdout).toContain('"msg": "first"');
  });

  test('is in the cache of the worker if the owner names no directory', async () => {
    configure({}, { checkouts: undefined });
    expect((await start({ XDG_CACHE_HOME: checkouts }).ended).status).toBe(0);
    expect(readdirSync(join(checkouts, 'mayfly-ansible'))).toHaveLength(2);
  });
});

describe('a repository that cannot be read ends the job with a sentence', () => {
  test.each<[string, () => object, number, string | RegExp]>([
    [
      'if it is missing',
      () => ({ repository: `file://${repository.directory}-none` }),
      69,
      /^The repository file:\S+-none cannot be read: .*does not appear to be a git repository/s,
    ],
    [
      'if it has no such commit',
      () => ({ commit: '0123456789'.repeat(4) }),
      66,
      /^The repository file:\S+ has no commit (0123456789){4}\.$/,
    ],
    [
      'if the playbook is not in it',
      () => ({ path: 'ok.yml' }),
      66,
      /^There is no ok\.yml in file:\S+ at [0-9a-f]{40}\.$/,
    ],
    [
      'if it wants a token and there is none',
      () => ({ repository: server.url }),
      69,
      /^The repository https:\S+ cannot be read: .*could not read Username/s,
    ],
    [
      'if the token is wrong',
      () => ({ repository: server.url.replace('//', '//deploy@'), auth: 'WRONG' }),
      69,
      /^The repository https:\S+ cannot be read: .*Authentication failed/s,
    ],
    ['if the secret is missing', () => ({ repository: server.url, auth: 'NONE' }), 78, /^The secret NONE, /],
  ])('%s', async (_, changes, status, message) => {
    configure(changes());
    const end = await start({ GIT_SSL_CAINFO: server.certificate, WRONG: 'wrong' }).ended;
    expect(end, end.stderr).toMatchObject({ status, stdout: '', result: { status: 'error' } });
    expect(end.result?.message).toMatch(message);
  });
});

describe('a repository is read with its secret', () => {
  test('a token, which is in no command line and is not printed', async () => {
    configure({ repository: server.url.replace('//', '//deploy@'), auth: 'GIT_TOKEN' });
    const { status, stdout, stderr } = await start({ GIT_SSL_CAINFO: server.certificate, GIT_TOKEN: TOKEN })
      .ended;
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('"msg": "first"');
    expect(programs.gitCalls().join('\n')).toContain('credential.https://localhost:');
    expect(`${programs.gitCalls().join('\n')}${stdout}${stderr}`).not.toContain(TOKEN);
  });

  test('an SSH key, and host keys are checked against the known hosts', async () => {
    const key = '-----BEGIN KEY-----\nabc\n-----END KEY-----\n';
    writeFileSync(join(bench.worker, 'hosts'), 'localhost ssh-ed25519 AAAA\n');
    configure(
      { repository: `ssh://git@localhost${repository.directory}`, auth: 'GIT_KEY' },
      { knownHosts: 'hosts' },
    );
    const { status, stderr } = await start({ GIT_KEY: key }).ended;
    expect(status, stderr).toBe(0);
    const settings = programs.sshSettings();
    expect(settings).toMatch(/^stricthostkeychecking true$/m);
    expect(settings).toMatch(/^forwardagent no$/m);
    expect(settings).toMatch(/^batchmode yes$/m);
    expect(settings).toMatch(/^identitiesonly yes$/m);
    expect(settings).toMatch(/^userknownhostsfile \/.*-known-hosts$/m);
    expect(settings).toMatch(/^globalknownhostsfile \/dev\/null$/m);
    expect(settings).toContain(key);
  });
});
