import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BadTargetsError, type FleetError, InventoryError } from '../../../client/errors.ts';
import { type Inventory, readInventory } from '../../../client/requests/inventory.ts';
import { listTargets } from '../../../client/requests/target-list.ts';
import { ansibleEnvironment } from '../../ansible/collection/playbook.ts';

const directory = mkdtempSync(join(tmpdir(), 'mayfly-inventory-'));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const chosen = ({ candidates }: Inventory) =>
  candidates.filter(({ isChosen }) => isChosen).map(({ target }) => target);

async function refusalOf(type: typeof FleetError, reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => expect.unreachable(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(type);
  return (error as Error).message;
}

/** The order of `all` is neither that of its groups nor that of the names. */
const HOSTS = `
all:
  hosts:
    web2: {ansible_host: 10.0.0.2}
    db1: {shard: !unsafe "{{ 1 }}"}
    web1: {ansible_host: "{{ inventory_hostname }}.example.com"}
    bastion:
  children:
    prod:
      children:
        web:
          hosts: {web1: , web2: , web3: }
          vars: {role: web, version: 2.0}
        db:
          hosts: {db1: }
          vars: {role: db}
      vars: {family: shop}
`;

/** What \`ansible-inventory --list\` prints of the same hosts. */
const LISTED = JSON.stringify({
  _meta: {
    hostvars: {
      web1: { role: 'web', family: 'shop' },
      web2: { role: 'web', family: 'shop' },
      web3: { role: 'web', family: 'shop' },
      db1: { role: 'db', family: 'shop' },
    },
  },
  all: { children: ['ungrouped', 'prod'] },
  db: { hosts: ['db1'] },
  prod: { children: ['web', 'db'] },
  ungrouped: { hosts: ['bastion'] },
  web: { hosts: ['web1', 'web2', 'web3'] },
});

describe('with Ansible', () => {
  const environment = ansibleEnvironment(directory);
  const isMissing = spawnSync('ansible-inventory', ['--version'], { env: environment }).error !== undefined;
  beforeEach(({ skip }) => {
    if (isMissing) skip('needs ansible-inventory (Debian: the package ansible-core)');
  });

  it('the hosts are in the order in which Ansible runs them, with the variables of their groups', async () => {
    const path = write('hosts.yml', HOSTS);
    const inventory = await readInventory(path, { environment });
    expect(inventory).toMatchObject({ source: path, warnings: [] });
    expect(chosen(inventory)).toEqual(['web2', 'db1', 'web1', 'bastion', 'web3']);
    const body = '{{ family }}/{{ role }} {{ version }}';
    const web = inventory.candidates.filter(({ target }) => target.startsWith('web'));
    expect(
      listTargets({ source: path, candidates: web }, { body }).groups[0]?.targets.map((one) => one.body),
    ).toEqual(Array(3).fill('shop/web 2.0'));
    const db = inventory.candidates.filter(({ target }) => target === 'db1');
    expect(db).toMatchObject([{ inventoryGroups: ['db'], variables: { shard: '{{ 1 }}' } }]);
  });

  it('a limit leaves hosts out, which still count for the sizes of groups', async () => {
    const path = write('hosts.yml', HOSTS);
    const limit = 'prod:!web1:nothing';
    const inventory = await readInventory(path, { limit, environment });
    expect(chosen(inventory)).toEqual(['web2', 'db1', 'web3']);
    expect(inventory.warnings).toEqual([
      '[WARNING]: Could not match supplied host pattern, ignoring: nothing',
    ]);
    const { groups } = listTargets(inventory, { groupBy: ['family', 'role'] });
    expect(groups.map(({ name, size, targets }) => ({ name, size, targets: targets.length }))).toEqual([
      { name: 'shop/web', size: 3, targets: 2 },
      { name: 'shop/db', size: 1, targets: 1 },
    ]);
  });

  it('a host without the variable is refused by name', async () => {
    const inventory = await readInventory(write('hosts.yml', HOSTS), { environment });
    expect(() => listTargets(inventory, { groupBy: ['role'] })).toThrow(
      `bastion of ${join(directory, 'hosts.yml')} has no variable role, which its group is made of.`,
    );
  });

  it('an inventory can be dynamic, and a list of hosts', async () => {
    const script = write('script', `#!/bin/sh\ncat <<'END'\n${LISTED}\nEND\n`);
    chmodSync(script, 0o755);
    expect(chosen(await readInventory(script, { environment }))).toEqual([
      'bastion',
      'web1',
      'web2',
      'web3',
      'db1',
    ]);
    expect(chosen(await readInventory('s2,s1', { environment }))).toEqual(['s2', 's1']);
  });

  it("the settings of the owner's ansible.cfg do not change what is read", async () => {
    const cfg = write(
      'ansible.cfg',
      '[defaults]\nverbosity = 2\nask_pass = true\n[inventory]\nexport = true\n',
    );
    const inventory = await readInventory(write('hosts.yml', HOSTS), {
      environment: { ...environment, ANSIBLE_CONFIG: cfg, ANSIBLE_FORCE_COLOR: 'true' },
    });
    expect(chosen(inventory)).toHaveLength(5);
    expect(inventory.candidates[0]).toMatchObject({ target: 'web2', variables: { role: 'web' } });
  });

  it.each([
    ['that is not there', undefined, 'Completely failed to parse inventory source'],
    ['that does not parse', '[web\ns1\n', 'Failed to parse'],
  ])('an inventory %s is refused with what Ansible says', async (_, content, said) => {
    const path = content === undefined ? join(directory, 'none') : write('bad.ini', content);
    const message = await refusalOf(InventoryError, readInventory(path, { environment }));
    expect(message).toMatch(`\`ansible all --inventory=${path} --list-hosts\` failed:\n`);
    expect(message).toContain(said);
  });

  it('a directory of which a part does not parse is refused, as its groups would seem too small', async () => {
    const parts = join(directory, 'parts');
    mkdirSync(parts);
    write('parts/a-good', '[web]\ns1\n');
    write('parts/bad', '[web\ns2\n');
    const message = await refusalOf(InventoryError, readInventory(parts, { environment }));
    expect(message).toContain(join(parts, 'bad'));
    const lenient = { ...environment, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED: 'false' };
    expect(chosen(await readInventory(parts, { environment: lenient }))).toEqual(['s1']);
  });

  it('no hosts, and none after the limit, are refused', async () => {
    const empty = write('empty.ini', '\n');
    expect(await refusalOf(BadTargetsError, readInventory(empty, { environment }))).toBe(
      `${empty} has no hosts.`,
    );
    const path = write('hosts.yml', HOSTS);
    expect(await refusalOf(BadTargetsError, readInventory(path, { limit: 'nothing', environment }))).toBe(
      `The limit "nothing" leaves no host of ${path}.`,
    );
  });

  it('a program that fails is quoted, and other output than an inventory is refused', async () => {
    const programs = mkdtempSync(join(directory, 'programs-'));
    const program = (name: string, script: string) => {
      writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(programs, name), 0o755);
    };
    const own = { ...environment, PATH: `${programs}:${environment.PATH}` };
    program('ansible', 'echo "  hosts (1):"; echo "    new"');
    program('ansible-inventory', 'echo 1');
    const read = () => refusalOf(InventoryError, readInventory('hosts', { environment: own }));
    expect(await read()).toBe(
      "`ansible-inventory --list` printed other JSON for hosts than an inventory's, or none.",
    );
    program('ansible-inventory', `cat <<'END'\n${LISTED}\nEND`);
    expect(await read()).toBe('hosts has changed while it was read: new came meanwhile. Try again.');
    program('ansible-inventory', 'printf "\\033[31mno credentials\\033[0m\\n" >&2; exit 4');
    expect(await read()).toBe('`ansible-inventory --inventory=hosts --list` failed:\nno credentials');
  });
});

describe('without Ansible', () => {
  const environment = { PATH: join(directory, 'bin') };
  beforeAll(() => mkdirSync(join(directory, 'bin')));

  it('the JSON of ansible-inventory is read, whatever its name', async () => {
    for (const name of ['list.json', 'list']) {
      const path = write(name, LISTED);
      const inventory = await readInventory(path, { environment });
      expect(chosen(inventory)).toEqual(['bastion', 'web1', 'web2', 'web3', 'db1']);
      expect(inventory.candidates[1]).toEqual({
        target: 'web1',
        isChosen: true,
        variables: { role: 'web', family: 'shop' },
        inventoryGroups: ['web'],
      });
    }
  });

  it('a limit is applied, also one of a file', async () => {
    const path = write('list.json', LISTED);
    const inventory = await readInventory(path, { limit: 'prod:!web[0]:nothing', environment });
    expect(chosen(inventory)).toEqual(['web2', 'web3', 'db1']);
    expect(inventory.warnings).toEqual(['Could not match supplied host pattern, ignoring: nothing']);
    const retry = write('retry', 'web3\ndb1\n\n');
    expect(chosen(await readInventory(path, { limit: `@${retry},!db1`, environment }))).toEqual(['web3']);
  });

  it.each([
    ['', 'The limit "" names no hosts: is a variable not set, or a file empty?'],
    [' , ', 'The limit " , " names no hosts'],
    ['@retry', 'The limit "@retry" names no hosts'],
    ['@none', "The limit's file none cannot be read (ENOENT"],
    ['nothing', 'The limit "nothing" leaves no host of'],
    ['web[5]', 'The limit\'s "web[5]" matches no host: web has 3.'],
    ['web:!', 'The limit has a ! or & without a pattern.'],
    [
      '~web\\Z',
      'The limit\'s "~web\\\\Z" cannot be understood without Ansible on the PATH (Invalid regular expression',
    ],
  ])('the limit %j is refused', async (limit, problem) => {
    const path = write('list.json', LISTED);
    const before = process.cwd();
    const empty = mkdtempSync(join(directory, 'cwd-'));
    writeFileSync(join(empty, 'retry'), '\n');
    process.chdir(empty);
    try {
      const message = await refusalOf(BadTargetsError, readInventory(path, { limit, environment }));
      expect(message.startsWith(problem), message).toBe(true);
    } finally {
      process.chdir(before);
    }
  });

  it.each(['', '  '])(
    'the path %j is refused, because Ansible reads the working directory for it',
    async (path) => {
      const message = await refusalOf(InventoryError, readInventory(path, { environment }));
      expect(message).toBe('The path of the inventory is empty: is a variable not set?');
    },
  );

  it.each([
    [
      'no JSON',
      '[web]\ns1\n',
      'cannot be read: `ansible-inventory` is not on the PATH, and it is not the JSON that',
    ],
    [
      'other JSON',
      '{"all": {"hosts": {"s1": {}}}}',
      'cannot be read: `ansible-inventory` is not on the PATH',
    ],
    ['a list', '[]', 'cannot be read: `ansible-inventory` is not on the PATH'],
    ['no hostvars', '{"_meta": {}}', '_meta.hostvars is undefined; allowed is an object with hostvars.'],
    [
      'hostvars that are none',
      '{"_meta": {"hostvars": []}}',
      'is not what `ansible-inventory --list` prints: _meta.hostvars is []; allowed is an object.',
    ],
    [
      'a host with a list',
      '{"_meta": {"hostvars": {"s1": []}}}',
      '_meta.hostvars.s1 is []; allowed is an object.',
    ],
    [
      'a group that is a list',
      '{"_meta": {"hostvars": {}}, "web": ["s1"]}',
      'web is ["s1"]; allowed is an object.',
    ],
    [
      'hosts that are no list',
      '{"_meta": {"hostvars": {}}, "web": {"hosts": {"s1": {}}}}',
      'web.hosts is {"s1":{}}; allowed is a list of names.',
    ],
    [
      'a host that is no name',
      '{"_meta": {"hostvars": {}}, "web": {"hosts": [1]}}',
      'web.hosts.0 is 1; allowed is a name.',
    ],
    [
      'variables of groups',
      '{"_meta": {"hostvars": {}}, "web": {"hosts": ["s1"], "vars": {"role": "web"}}}',
      'has variables of the group web: it is of `ansible-inventory --export`',
    ],
  ])('%s is refused', async (_, content, problem) => {
    for (const name of ['refused.json', 'refused']) {
      const path = write(name, content);
      const message = await refusalOf(InventoryError, readInventory(path, { environment }));
      expect(message.startsWith(path)).toBe(true);
      expect(message).toContain(problem);
    }
  });

  it('a file that is not there is refused', async () => {
    const path = join(directory, 'none.json');
    expect(await refusalOf(InventoryError, readInventory(path, { environment }))).toMatch(
      `${path} cannot be read (ENOENT`,
    );
  });

  it('an inventory of which groups contain each other, or are only named, is read', async () => {
    const groups = { a: { children: ['b', 'c'], hosts: ['s2'] }, b: { children: ['a'], hosts: ['s1'] } };
    const path = write(
      'loop.json',
      JSON.stringify({ _meta: { hostvars: {} }, all: { children: ['a'] }, ...groups }),
    );
    expect(chosen(await readInventory(path, { environment }))).toEqual(['s2', 's1']);
    expect(chosen(await readInventory(path, { limit: 'b', environment }))).toEqual(['s2', 's1']);
    expect(await refusalOf(BadTargetsError, readInventory(path, { limit: 'c', environment }))).toMatch(
      'leaves no host',
    );
  });
});

it('where only ansible-inventory is there, the limit is applied to its list', async ({ skip }) => {
  const environment = ansibleEnvironment(directory);
  const found = spawnSync('sh', ['-c', 'command -v ansible-inventory'], {
    env: environment,
    encoding: 'utf8',
  });
  if (found.status !== 0) skip('needs ansible-inventory (Debian: the package ansible-core)');
  const only = mkdtempSync(join(directory, 'only-'));
  symlinkSync(found.stdout.trim(), join(only, 'ansible-inventory'));
  const python = mkdtempSync(join(directory, 'python-'));
  symlinkSync('/usr/bin/python3', join(python, 'python3'));
  const path = write('hosts.yml', HOSTS);
  const inventory = await readInventory(path, {
    limit: 'prod:!web1',
    environment: { ...environment, PATH: `${only}:${python}` },
  });
  expect(chosen(inventory)).toEqual(['web2', 'web3', 'db1']);
});
