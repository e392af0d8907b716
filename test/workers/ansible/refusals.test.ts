import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ANSIBLE_MISSING, lacksAnsible } from '../../ansible/serial/ansible.ts';
import { type Bench, openBench, type Settings } from './bench.ts';

let bench: Bench;
beforeAll(() => {
  bench = openBench();
});
afterAll(() => bench.close());
beforeEach(({ skip }) => skip(lacksAnsible(), ANSIBLE_MISSING));

/** Nothing runs, and stderr and result have the sentence. */
async function expectRefusal(job: Parameters<Bench['run']>[0], status: number, sentence: string | RegExp) {
  const end = await bench.run(job);
  expect(end, end.stderr).toMatchObject({ status, stdout: '', result: { status: 'error' } });
  const message = end.result?.message ?? '';
  expect(message).toMatch(sentence);
  expect(end.stderr).toBe(`mayfly-ansible: ${message}`);
  expect(bench.left()).toEqual([]);
}

const HALF = '{"playbook": "everywhere", "extraVars": {"release": "\\ud800"}}';
const DEEP = `{"playbook": "everywhere", "extraVars": {"release": ${'['.repeat(100)}${']'.repeat(100)}}}`;
const PLAYBOOK = { path: 'everywhere.yml', inventory: 'inventory.yml', extraVars: ['release', 'colour'] };

describe('a body that is refused', () => {
  beforeEach(() => bench.configure({ playbooks: { everywhere: PLAYBOOK } }));

  test.each<[string, string | object, string | RegExp]>([
    ['no JSON', 'everywhere', /^The job's body is not valid JSON: Expecting value/],
    ['empty', '', /^The job's body is not valid JSON/],
    ['a list', [], "The job's body is not a JSON object."],
    ['a key twice', '{"check": true, "check": false}', /the key "check" is there twice\.$/],
    ['no number of JSON', '{"playbook": NaN}', /NaN is not a number of JSON/],
    ['a number that is too large', '{"playbook": 1e400}', /is not valid JSON/],
    ['half of a surrogate pair', HALF, /is not valid JSON/],
    ['nested too deep for Python', '['.repeat(100_000), /nested too deeply/],
    ['nested too deep for Ansible', DEEP, 'An extra variable of the job is nested more than 64 deep.'],
    ['no playbook', {}, `The job's body lacks the key "playbook".`],
    [
      'an unknown playbook',
      { playbook: '../evil' },
      /names the unknown playbook "\.\.\/evil"; the fleet has .*everywhere/,
    ],
    [
      'a playbook that is no text',
      { playbook: 1 },
      `The job's body has 1 as "playbook", which is not a text.`,
    ],
    [
      'an unknown key',
      { playbook: 'everywhere', limit: 'all' },
      /has the unknown key "limit"; it may have check, diff/,
    ],
    [
      'check that is no boolean',
      { playbook: 'everywhere', check: 'yes' },
      /"yes" as "check", which is not true or false\.$/,
    ],
    ['tags that are no list', { playbook: 'everywhere', tags: 'a,b' }, /which is not a list of tags/],
    ['a tag with a comma', { playbook: 'everywhere', tags: ['a,b'] }, /which is not a list of tags/],
    [
      'a tag that is a template',
      { playbook: 'everywhere', skipTags: ['{{ x }}'] },
      /which is not a list of tags/,
    ],
    [
      'extra variables that are no object',
      { playbook: 'everywhere', extraVars: ['a'] },
      /which is not a JSON object/,
    ],
    [
      'a variable that is not allowed',
      { playbook: 'everywhere', extraVars: { ansible_connection: 'local' } },
      `The job's body sets the variable "ansible_connection"; the playbook everywhere allows release, colour.`,
    ],
  ])('%s', (_, body, sentence) => expectRefusal({ body }, 65, sentence));
});

describe('a configuration that is refused', () => {
  const body = { playbook: 'mine' };
  const mine = (changes: object) => ({ playbooks: { mine: { ...PLAYBOOK, ...changes } } });
  const commit = '0'.repeat(40);
  const url = 'https://git.example.com/playbooks.git';
  const path = /which is not a path below the directory of the playbooks/;

  test.each<[string, Settings, string | RegExp]>([
    ['an unknown key', { inventory: 'a' }, /^playbooks\.json has the unknown key "inventory"/],
    [
      'an unknown key of a playbook',
      mine({ limit: 'all' }),
      /^The playbook mine in playbooks\.json has the unknown key/,
    ],
    ['an absolute path', mine({ path: '/etc/site.yml' }), path],
    ['a path that leaves its directory', mine({ path: 'a/../../site.yml' }), path],
    ['a path that is an option', mine({ inventory: '--flush-cache' }), path],
    ['a variable of a connection', mine({ extraVars: ['ansible_host'] }), /none in ansible_\.$/],
    ['a commit without a repository', mine({ commit }), /has the unknown key "commit"/],
    ['a repository without a commit', mine({ repository: url }), /lacks the key "commit"/],
    [
      'a commit that is a branch',
      mine({ repository: url, commit: 'main' }),
      /which is not a commit: 40 hexadecimal digits/,
    ],
    [
      'a repository without encryption',
      mine({ repository: 'http://a/b', commit }),
      /which is not a URL that begins with https/,
    ],
    [
      'a repository that runs a program',
      mine({ repository: 'ext::sh -c id', commit }),
      /which is not a URL that begins with/,
    ],
    [
      'a repository that is an option',
      mine({ repository: '-uid@a:b', commit }),
      /which is not a URL that begins with/,
    ],
    [
      'a password in a URL',
      mine({ repository: 'https://u:p@a/b', commit }),
      /which is not a URL without a password/,
    ],
    ['a relative directory of Ansible', { ansible: 'bin' }, /which is not an absolute path/],
  ])('%s', async (_, settings, sentence) => {
    bench.configure(settings);
    await expectRefusal({ body }, 78, sentence);
  });

  test('no JSON', async () => {
    writeFileSync(join(bench.directory, 'ansible-worker/playbooks.json'), '{');
    await expectRefusal({ body }, 78, /^playbooks\.json is not valid JSON/);
  });
});

describe('something that is missing', () => {
  const body = { playbook: 'ok' };

  test.each<[string, Settings, number, string | RegExp]>([
    [
      'the playbook',
      { playbooks: { ok: { ...PLAYBOOK, path: 'no.yml' } } },
      66,
      'There is no no.yml in the worker directory.',
    ],
    [
      'the inventory',
      { playbooks: { ok: { ...PLAYBOOK, inventory: 'no' } } },
      66,
      'There is no no in the worker directory.',
    ],
    [
      'Ansible',
      { ansible: '/nowhere' },
      78,
      /^ansible-playbook is not in \/nowhere\. The fleet's set-up has to install it/,
    ],
    [
      'the vault password',
      { vaultPassword: 'VAULT' },
      78,
      /^The secret VAULT, which playbooks\.json names, is not set or empty\.$/,
    ],
    ['the SSH key', { sshKey: 'SSH_KEY' }, 78, /^The secret SSH_KEY, /],
    [
      'the known hosts',
      { knownHosts: 'no' },
      78,
      /^The known hosts no are neither a secret nor a file of the worker directory/,
    ],
  ])('%s', async (_, settings, status, sentence) => {
    bench.configure(settings);
    await expectRefusal({ body }, status, sentence);
  });
});
