import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { checkRequirements, readSetup } from '../../../infra/instance/setup.ts';

const workers = mkdtempSync(join(tmpdir(), 'mayfly-set-up-'));
afterAll(() => rmSync(workers, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(workers, { recursive: true, force: true });
  mkdirSync(workers);
});

function put(name: string, content: string, mode = 0o644): void {
  const file = join(workers, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

const judge = (setup: string, setupVaultPassword?: object) =>
  readSetup('WorkerFleet', workers, { setup, setupVaultPassword });
const PASSWORD = {};

const PLAYS = '- hosts: localhost\n  tasks: []\n';
const TASKS = '- ansible.builtin.debug:\n    msg: hello\n';
const ENCRYPTED = `$ANSIBLE_VAULT;1.1;AES256
3132333435363738
`;
const VAULT_VALUE = `- ansible.builtin.debug:
    msg: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      3132333435363738
`;

describe("an owner's set-up", () => {
  it.each<[what: string, content: string, kind: string]>([
    ['tasks', TASKS, 'tasks'],
    ['plays', PLAYS, 'playbook'],
    ['another playbook', '- import_playbook: site.yml\n', 'playbook'],
    ['another playbook by its full name', '- ansible.builtin.import_playbook: site.yml\n', 'playbook'],
    ['a play behind comments', `# Ours\n---\n# ours\n${PLAYS}`, 'playbook'],
    ['a text that is not to be templated', '- debug:\n    msg: !unsafe "{{ no }}"\n', 'tasks'],
    ['a mapping that is not to be templated', '- debug:\n    msg: !unsafe {a: "{{ no }}"}\n', 'tasks'],
    ['a list that is not to be templated', '- debug:\n    msg: !unsafe ["{{ no }}"]\n', 'tasks'],
    ['a value that is encrypted', VAULT_VALUE, 'tasks'],
    ['such a value by the older tag', VAULT_VALUE.replace('!vault', '!vault-encrypted'), 'tasks'],
    ['a key twice, of which Ansible takes the last', `${TASKS}  name: one\n  name: two\n`, 'tasks'],
    ['JSON', JSON.stringify([{ hosts: 'all' }]), 'playbook'],
    ['words of YAML 1.1', '- debug: {msg: yes}\n  become: no\n', 'tasks'],
  ])('of %s is recognised by its content', (_, content, kind) => {
    put('setup.yml', content);
    expect(judge('setup.yml', PASSWORD)).toEqual({ path: 'setup.yml', kind });
  });

  it.each<[what: string, content: string, why: RegExp]>([
    ['is empty', '', /a list of tasks or plays \(it is empty\)/],
    ['has comments alone', '---\n# To be written\n', /\(it is empty\)/],
    ['is a mapping', 'hosts: localhost\ntasks: []\n', /\(it is no list\)/],
    ['is an empty list', '[]\n', /\(it is a list of something else\)/],
    ['is a list of words', '- hosts\n', /\(it is a list of something else\)/],
    ['is encrypted as a whole', ENCRYPTED, /not encrypted as a whole: encrypt the values in it/],
    ['is broken', '- debug:\n    msg: "open\n', /Ansible can read \(.*setup\.yml: .* at line 3/],
    ['has two documents', `${TASKS}---\n${TASKS}`, /Ansible can read .*multiple documents/],
    ['has a tag that Ansible does not know', '- debug: {msg: !ref x}\n', /Unresolved tag: !ref at line 1/],
    ['has a mapping where a vault has a text', '- debug: {msg: !vault {a: 1}}\n', /Unresolved tag: !vault/],
  ])('that %s is refused at synth', (_, content, why) => {
    put('setup.yml', content);
    expect(() => judge('setup.yml', PASSWORD)).toThrow(why);
  });

  it.each([
    ['setup.yml', 'setup.yml'],
    ['roles/ours', 'roles/ours/tasks/main.yml'],
  ])('with values of a vault, %s, is refused without the password of the vault', (setup, file) => {
    put(file, VAULT_VALUE);
    expect(() => judge(setup)).toThrow(
      `WorkerFleet: setupVaultPassword is undefined; allowed: an SSM parameter with the vault's password, as ` +
        `${join(workers, file)} has values that are encrypted (!vault)`,
    );
  });

  it.each([
    ['has tasks', TASKS],
    ['has none', ''],
    ['is encrypted', ENCRYPTED],
  ])('can be a role that %s', (_, content) => {
    put('roles/ours/tasks/main.yaml', content);
    expect(judge('roles/ours', PASSWORD)).toEqual({ path: 'roles/ours', kind: 'role' });
  });

  it('that is a role with encrypted tasks is refused without the password of the vault', () => {
    put('roles/ours/tasks/main.yml', ENCRYPTED);
    expect(() => judge('roles/ours')).toThrow(
      `WorkerFleet: setupVaultPassword is undefined; allowed: an SSM parameter with the vault's password, as ` +
        `${join(workers, 'roles/ours/tasks/main.yml')} is encrypted`,
    );
  });

  it.each<[what: string, content: string, why: RegExp]>([
    ['are broken', '- {', /Ansible can read \(.*roles\/ours\/tasks\/main\.yml: /],
    ['are no list', 'hosts: all\n', /a role with a list of tasks in .*main\.yml/],
  ])('cannot be a role whose tasks %s', (_, content, why) => {
    put('roles/ours/tasks/main.yml', content);
    expect(() => judge('roles/ours')).toThrow(why);
  });

  it('can be a program', () => {
    put('setup/install.sh', '#!/bin/sh\n', 0o755);
    expect(judge('./setup/install.sh')).toEqual({ path: 'setup/install.sh', kind: 'program' });
  });

  it.each([
    ['missing.sh', /setup is "missing.sh"; allowed: a file or directory of the worker directory/],
    ['../elsewhere', /allowed: a path below the worker directory/],
    ['notes.txt', /allowed: an executable script, a .yml file or a role \(chmod \+x/],
    ['empty', /allowed: the directory of a role \(no .*tasks\/main.yml\)/],
  ])('that no instance could run is refused: %s', (setup, sentence) => {
    put('notes.txt', '');
    put('empty/notes.txt', '');
    expect(() => judge(setup)).toThrow(sentence);
  });
});

describe('the requirements of a set-up', () => {
  it.each([
    ['roles and collections', 'roles:\n- name: x.y\ncollections:\n- name: x.z\n'],
    ['collections alone', 'collections: [community.docker]\n'],
    ['a list of roles', '- src: geerlingguy.docker\n'],
  ])('are a file of %s', (_, content) => {
    put('needs/requirements.yml', content);
    expect(checkRequirements('WorkerFleet', workers, 'needs/requirements.yml')).toBe(
      'needs/requirements.yml',
    );
  });

  it.each<[what: string, content: string, why: RegExp]>([
    ['is empty', '# none\n', /a file with "roles" and "collections", or with a list of roles/],
    ['has other keys', 'collection:\n- name: x.z\n', /a file with "roles" and "collections"/],
    ['is broken', 'roles: [', /Ansible can read/],
  ])('are refused as a file that %s', (_, content, why) => {
    put('requirements.yml', content);
    expect(() => checkRequirements('WorkerFleet', workers, 'requirements.yml')).toThrow(why);
  });

  it.each([
    ['missing.yml', /setupRequirements is "missing.yml"; allowed: a file or directory/],
    ['../requirements.yml', /a path below the worker directory/],
    ['roles', /allowed: a file \(.*roles is not one\)/],
  ])('are refused if there is no such file: %s', (given, why) => {
    mkdirSync(join(workers, 'roles'));
    expect(() => checkRequirements('WorkerFleet', workers, given)).toThrow(why);
  });
});
