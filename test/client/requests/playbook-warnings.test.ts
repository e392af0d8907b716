import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findPlaybookWarnings } from '../../../client/requests/playbook-warnings.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mayfly-warnings-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type Files = Record<string, string>;

/** @returns `file:line keyword` of each warning, and `file:line reason` of each part that was not read */
function look(files: Files) {
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const { warnings, unread } = findPlaybookWarnings(join(directory, 'site.yml'));
  const at = ({ file, line }: { file: string; line: number }) => `${relative(directory, file)}:${line}`;
  return {
    warnings: warnings.map((one) => `${at(one)} ${one.keyword}`),
    unread: unread.map((one) => `${at(one)} ${one.reason}`),
  };
}

/** A play with tasks, which begin in line 3. */
const tasks = (...lines: string[]): Files => ({
  'site.yml': ['- hosts: web', '  tasks:', ...lines.map((line) => `    ${line}`), ''].join('\n'),
});

/** What a playbook has, and what is found in it. */
const TABLE: Record<string, [files: Files, warnings: string[]]> = {
  nothing: [
    tasks('- name: Restart', '  ansible.builtin.service:', '    name: shop', '    state: restarted'),
    [],
  ],
  'keywords of a play': [
    {
      'site.yml': `---
- name: Roll out
  hosts: web
  serial: 2
  max_fail_percentage: 25
  any_errors_fatal: true
  order: shuffle
  strategy: debug
  throttle: 1
  run_once: true
  tasks: []
- hosts: db
  order: inventory
  strategy: free
  any_errors_fatal: no
  run_once: false
`,
    },
    [
      'site.yml:4 serial',
      'site.yml:5 max_fail_percentage',
      'site.yml:6 any_errors_fatal',
      'site.yml:7 order',
      'site.yml:8 strategy',
      'site.yml:9 throttle',
      'site.yml:10 run_once',
    ],
  ],
  'keywords of tasks, blocks and handlers': [
    {
      'site.yml': `- hosts: web
  pre_tasks:
    - name: Migrate
      command: migrate
      run_once: "{{ is_first }}"
  tasks:
    - name: Together
      max_fail_percentage: 0
      block:
        - command: a
          throttle: 1
      rescue:
        - command: b
          any_errors_fatal: yes
      always:
        - command: c
          run_once: yes
  handlers:
    - name: Restart
      service: name=a state=restarted
      throttle: 0
      run_once: true
`,
    },
    [
      'site.yml:5 run_once',
      'site.yml:8 max_fail_percentage',
      'site.yml:11 throttle',
      'site.yml:14 any_errors_fatal',
      'site.yml:17 run_once',
      'site.yml:22 run_once',
    ],
  ],
  'options of modules that are called like keywords': [
    tasks(
      '- community.general.dns:',
      '    serial: 2021010101',
      '    order: desc',
      '  register: groups',
      '- user: { name: deploy, groups: wheel }',
      '- set_fact: { serial: 7, throttle: 1 }',
    ),
    [],
  ],
  'a play for the controller': [
    { 'site.yml': '- hosts: localhost\n  tasks: []\n- hosts: web:localhost\n  tasks: []\n' },
    ['site.yml:1 hosts'],
  ],
  'tasks for other hosts': [
    tasks(
      '- command: a',
      '  delegate_to: lb1',
      '- command: b',
      '  delegate_to: localhost',
      '- command: c',
      '  delegate_to: "{{ inventory_hostname }}"',
      '- command: d',
      `  delegate_to: "{{ groups['lb'][0] }}"`,
      '- command: e',
      '  delegate_to: 127.0.0.1',
      '- command: f',
      '  delegate_to: "{{ item }}"',
      '  loop: "{{ groups[\'lb\'] }}"',
    ),
    ['site.yml:4 delegate_to', 'site.yml:10 delegate_to', 'site.yml:14 delegate_to', 'site.yml:15 groups'],
  ],
  'variables of others in templates': [
    tasks(
      `- debug: msg="{{ hostvars['db1'].ansible_host }}"`,
      '- debug:',
      '    msg: >-',
      '      first',
      "      {{ groups['web'] | map('extract', hostvars, 'ansible_host') }}",
      `- command: a`,
      `  when: inventory_hostname == groups.web[0]`,
      `- assert:`,
      `    that:`,
      `      - ansible_play_hosts | length > 1`,
      `      - "'groups' not in play_hosts"`,
      '- command: b',
      '  with_items: "{{ ansible_play_batch }}"',
    ),
    [
      'site.yml:3 hostvars',
      'site.yml:7 hostvars',
      'site.yml:7 groups',
      'site.yml:9 groups',
      'site.yml:12 ansible_play_hosts',
      'site.yml:13 ansible_play_hosts',
      'site.yml:15 ansible_play_hosts',
    ],
  ],
  'variables of its own, and words that look alike': [
    tasks(
      '- debug: msg="{{ hostvars[inventory_hostname].a }} {{ hostvars[ inventory_hostname ].b }}"',
      '- debug: msg="{{ group_names }} {{ user.groups }} {{ my_groups }} {{ groups_of }}"',
      `- debug: msg="{{ lookup('x', groups='a') }} {{ 'the groups of hostvars' }}"`,
      '- debug: msg="the groups without a template, and hostvars"',
      '- command: a\n      when: "\'web\' in group_names"',
      '# run_once: true, groups',
    ),
    [],
  ],
  'files of tasks, also of files of tasks': [
    {
      ...tasks(
        '- import_tasks: tasks/a.yml',
        '- ansible.builtin.include_tasks:',
        '    file: b.yml',
        '    apply:',
        '      delegate_to: lb1',
        '- include_tasks: tasks/a.yml',
      ),
      'tasks/a.yml': '- command: a\n  run_once: true\n- include_tasks: c.yml\n',
      'tasks/c.yml': '---\n\n- command: c\n  throttle: 2\n- import_tasks: a.yml\n',
      'b.yml': '- command: b\n  any_errors_fatal: true\n',
    },
    [
      'tasks/a.yml:2 run_once',
      'tasks/c.yml:4 throttle',
      'site.yml:7 delegate_to',
      'b.yml:2 any_errors_fatal',
    ],
  ],
  'other playbooks': [
    {
      'site.yml': '- import_playbook: books/web.yml\n- ansible.builtin.import_playbook: db.yml\n',
      'books/web.yml': '- hosts: web\n  serial: 1\n  tasks:\n    - import_tasks: more.yml\n',
      'books/more.yml': '- command: a\n  run_once: true\n',
      'db.yml': '- hosts: db\n  max_fail_percentage: 0\n',
    },
    ['books/web.yml:2 serial', 'books/more.yml:2 run_once', 'db.yml:2 max_fail_percentage'],
  ],
  'roles with all of their parts': [
    {
      'site.yml': `- hosts: web
  roles:
    - web
    - role: lb
      delegate_to: lb1
  tasks:
    - include_role: { name: db, tasks_from: migrate.yml }
    - import_role:
        name: web
`,
      'roles/web/tasks/main.yml':
        '- import_tasks: sub.yml\n- template:\n    src: a.conf.j2\n    dest: /etc/a\n',
      'roles/web/tasks/sub.yml': '- command: a\n  run_once: true\n',
      'roles/web/handlers/main.yml': '- name: Restart\n  command: b\n  throttle: 1\n',
      'roles/web/templates/a.conf.j2':
        'a\n{% for host in groups["web"] %}\nb\n{{ hostvars[host].ip }}\n{% endfor %}\n',
      'roles/web/defaults/main.yml': 'peers: "{{ groups.web }}"\n',
      'roles/web/meta/main.yml': 'dependencies:\n  - role: base\n',
      'roles/base/tasks/main.yaml': '- command: c\n  delegate_to: "{{ bastion }}"\n',
      'roles/lb/tasks/main.yml': '[]\n',
      'roles/db/tasks/main.yml': '- command: not reached\n  run_once: true\n',
      'roles/db/tasks/migrate.yml': '- command: d\n  run_once: true\n',
    },
    [
      'roles/web/tasks/sub.yml:2 run_once',
      'roles/web/templates/a.conf.j2:2 groups',
      'roles/web/templates/a.conf.j2:4 hostvars',
      'roles/web/handlers/main.yml:3 throttle',
      'roles/web/defaults/main.yml:1 groups',
      'roles/base/tasks/main.yaml:2 delegate_to',
      'site.yml:5 delegate_to',
      'roles/db/tasks/migrate.yml:2 run_once',
    ],
  ],
  'variables beside the playbook': [
    {
      'site.yml': '- hosts: web\n  vars_files: [vars/a.yml]\n  vars:\n    all: "{{ groups[\'all\'] }}"\n',
      'vars/a.yml': 'a: "{{ hostvars }}"\n',
      'group_vars/web.yml': 'x: 1\nlb: "{{ groups.lb }}"\n',
      'group_vars/all/main.yml': 'y: "{{ hostvars.lb1 }}"\n',
      'host_vars/web1': 'z: "{{ play_hosts }}"\n',
    },
    [
      'vars/a.yml:1 hostvars',
      'site.yml:4 groups',
      'group_vars/all/main.yml:1 hostvars',
      'group_vars/web.yml:2 groups',
      'host_vars/web1:1 ansible_play_hosts',
    ],
  ],
  "Ansible's own tags, anchors, and a key that is there twice": [
    tasks(
      '- &first',
      '  debug: { msg: !unsafe "{{ groups }}" }',
      '  vars: { password: !vault "abc" }',
      '  run_once: true',
      '- <<: *first',
      '  name: a',
      '  name: b',
    ),
    ['site.yml:4 groups', 'site.yml:6 run_once'],
  ],
};

describe('a playbook that runs once for each server', () => {
  test.each(Object.entries(TABLE))('is warned of, by file and line: %s', (_, [files, warnings]) => {
    expect(look(files)).toEqual({ warnings, unread: [] });
  });

  test('has a sentence for each keyword', () => {
    look(tasks('- command: a', '  run_once: true'));
    const [warning] = findPlaybookWarnings(join(directory, 'site.yml')).warnings;
    expect(warning).toEqual({
      ...{ file: join(directory, 'site.yml'), line: 4, keyword: 'run_once' },
      message: 'It runs once for each server, because each run has one server.',
    });
  });
});

describe('a part that cannot be followed is named', () => {
  test.each<[string, Files, string]>([
    ['no playbook', {}, 'site.yml:1 There is no such file'],
    [
      'a playbook that is missing',
      { 'site.yml': '\n- import_playbook: a.yml\n' },
      'site.yml:2 a.yml is not beside the playbook',
    ],
    ['tasks that are missing', tasks('- import_tasks: a.yml'), 'site.yml:3 a.yml is not beside the playbook'],
    [
      'a role that is missing',
      { 'site.yml': '- hosts: a\n  roles:\n    - web\n' },
      'site.yml:3 the role web is not beside the playbook',
    ],
    [
      'a role of a collection',
      tasks('- include_role:', '    name: a.b.c'),
      'site.yml:4 the role a.b.c is not beside the playbook',
    ],
    [
      'a name that a variable decides',
      tasks('- include_tasks: "{{ os }}.yml"'),
      'site.yml:3 A variable decides what "{{ os }}.yml" is',
    ],
    [
      'no YAML',
      { 'site.yml': '- hosts: a\n  tasks:\n   - a\n  - b: [\n' },
      'site.yml:4 site.yml cannot be read: it is not valid YAML',
    ],
    [
      'an encrypted file',
      { 'site.yml': '- hosts: a\n  vars_files: a.yml\n', 'a.yml': '$ANSIBLE_VAULT;1.1;AES256\n6261\n' },
      'a.yml:1 a.yml cannot be read: it is encrypted',
    ],
  ])('%s', (_, files, unread) => {
    expect(look(files)).toEqual({ warnings: [], unread: [unread] });
  });
});
