import { describe, expect, it, test } from 'vitest';
import { BadTargetsError, type FleetError, WrongOptionError } from '../../../client/errors.ts';
import { type Candidate, listTargets, type TargetListOptions } from '../../../client/requests/target-list.ts';
import { parseHostVariables, type Variables } from '../../../client/requests/variables.ts';

type Host = Partial<Candidate> & { target: string };

const host = (target: string, variables: Variables = {}, more: Partial<Candidate> = {}): Host => ({
  target,
  variables,
  ...more,
});

function list(hosts: readonly Host[], options: TargetListOptions = {}) {
  const candidates = hosts.map((one) => ({ variables: {}, isChosen: true, ...one }));
  return listTargets({ source: 'hosts.ini', candidates }, options);
}

const sizes = (hosts: readonly Host[], options?: TargetListOptions) =>
  list(hosts, options).groups.map(({ name, size, targets }) => `${name} ${targets.length} of ${size}`);

function refusalOf(
  hosts: readonly Host[],
  options?: TargetListOptions,
  type: typeof FleetError = BadTargetsError,
): string {
  try {
    list(hosts, options);
  } catch (error) {
    expect(error).toBeInstanceOf(type);
    return (error as Error).message;
  }
  return expect.unreachable();
}

/** Variables as Ansible prints them. */
const printed = (variables: object) => parseHostVariables(JSON.stringify(variables)) as Variables;

describe('the list', () => {
  it('has groups in the order of their first targets, and places over the whole request', () => {
    const hosts = [
      host('s1', { role: 'web' }),
      host('s2', { role: 'db' }),
      host('s3', { role: 'web' }),
      host('s4', { role: 'db' }),
    ];
    expect(
      list(hosts, { groupBy: ['role'], body: '{{ target }} {{ group }} {{ index }}/{{ count }}' }),
    ).toEqual({
      count: 4,
      groups: [
        {
          name: 'web',
          size: 2,
          targets: [
            { target: 's1', index: 1, body: 's1 web 1/4' },
            { target: 's3', index: 3, body: 's3 web 3/4' },
          ],
        },
        {
          name: 'db',
          size: 2,
          targets: [
            { target: 's2', index: 2, body: 's2 db 2/4' },
            { target: 's4', index: 4, body: 's4 db 4/4' },
          ],
        },
      ],
    });
  });

  it("has the targets' names as bodies by default, and one group", () => {
    expect(list([host('s1'), host('s2')])).toEqual({
      count: 2,
      groups: [
        {
          name: 'all',
          size: 2,
          targets: [
            { target: 's1', index: 1, body: 's1' },
            { target: 's2', index: 2, body: 's2' },
          ],
        },
      ],
    });
  });

  it('keeps the order of the first targets where left out hosts come before them', () => {
    const hosts = [
      host('s0', { role: 'db' }, { isChosen: false }),
      host('s1', { role: 'web' }),
      host('s2', { role: 'db' }),
    ];
    expect(list(hosts, { groupBy: ['role'] }).groups.map(({ name }) => name)).toEqual(['web', 'db']);
  });
});

describe('the size of a group', () => {
  const hosts = [
    host('s1', { role: 'web' }),
    host('s2', { role: 'web' }, { isChosen: false }),
    host('s3', { role: 'db' }, { isChosen: false }),
    host('bastion', {}, { isChosen: false }),
    host('odd', { role: '?' }, { isChosen: false }),
  ];

  it('counts the hosts that the limit leaves out, and those without a group nowhere', () => {
    expect(sizes(hosts, { groupBy: ['role'] })).toEqual(['web 1 of 2']);
    expect(sizes(hosts, { group: 'shop/web' })).toEqual(['shop/web 1 of 5']);
  });

  it('counts two names of one address once', () => {
    const alias = host('s2-alias', { role: 'web', ansible_host: 's2' }, { isChosen: false });
    expect(sizes([...hosts, alias], { groupBy: ['role'] })).toEqual(['web 1 of 2']);
    expect(sizes([alias, ...hosts], { groupBy: ['role'] })).toEqual(['web 1 of 2']);
    const ownAlias = host('s1-alias', { role: 'web', ansible_host: 's1' }, { isChosen: false });
    expect(sizes([ownAlias, ...hosts], { groupBy: ['role'] })).toEqual(['web 1 of 2']);
    expect(sizes([...hosts, ownAlias], { groupBy: ['role'] })).toEqual(['web 1 of 2']);
  });
});

describe('the group of a target', () => {
  it.each<[string, Host, TargetListOptions, string]>([
    ['all of one name', host('s1', { role: 'web' }), { group: 'shop/web' }, 'shop/web'],
    ['its own', host('s1', {}, { group: 'shop/db' }), {}, 'shop/db'],
    ['a variable', host('s1', { role: 'web' }), { groupBy: ['role'] }, 'web'],
    ['a variable with a family', host('s1', { role: 'shop/web' }), { groupBy: ['role'] }, 'shop/web'],
    [
      'two variables',
      host('s1', { role: 'web', family: 'shop' }),
      { groupBy: ['family', 'role'] },
      'shop/web',
    ],
    ['a number', host('s1', { family: 'shop', shard: 7 }), { groupBy: ['family', 'shard'] }, 'shop/7'],
    ['a variable in a dictionary', host('s1', { tags: { Role: 'web' } }), { groupBy: ['tags.Role'] }, 'web'],
    [
      'an unsafe text of Ansible',
      host('s1', printed({ role: { __ansible_unsafe: 'web' } })),
      { groupBy: ['role'] },
      'web',
    ],
    [
      'its inventory group',
      host('s1', {}, { inventoryGroups: ['web'] }),
      { groupBy: ['inventory_group'] },
      'web',
    ],
    [
      'variable and inventory group',
      host('s1', { family: 'shop' }, { inventoryGroups: ['web'] }),
      { groupBy: ['family', 'inventory_group'] },
      'shop/web',
    ],
  ])('is by %s', (_, one, options, group) => {
    expect(list([one], options).groups).toMatchObject([{ name: group }]);
  });

  const by = (...groupBy: string[]) => ({ groupBy });

  it.each<[string, Host, TargetListOptions, string]>([
    [
      'a missing variable',
      host('s1'),
      by('role'),
      's1 of hosts.ini has no variable role, which its group is made of.',
    ],
    ['an inherited name', host('s1'), by('toString'), 'has no variable toString'],
    ['a missing entry', host('s1', { tags: { Name: 'x' } }), by('tags.Role'), 'has no variable tags.Role'],
    [
      'null',
      host('s1', { role: null }),
      by('role'),
      'has no value in its variable role, which is null, which',
    ],
    [
      'a bad name',
      host('s1', { role: 'a b' }),
      by('role'),
      's1 of hosts.ini has role "a b", of which no group can be made: the group is "a b"; allowed is',
    ],
    [
      'two bad parts',
      host('s1', { family: 'a/b', role: 'c' }),
      by('family', 'role'),
      'has family "a/b" and role "c", of which no group can be made',
    ],
    ['a list', host('s1', { roles: ['a'] }), by('roles'), 'has roles "[\\"a\\"]", of which no group'],
    [
      'a template',
      host('s1', printed({ role: '{{ x }}' })),
      by('role'),
      'has in its variable role the template "{{ x }}", which only a play resolves',
    ],
    [
      'a vault',
      host('s1', printed({ role: { __ansible_vault: '$ANSIBLE_VAULT' } })),
      by('role'),
      'has a variable role that Ansible Vault has encrypted',
    ],
    ['no inventory group', host('s1'), by('inventory_group'), 'is in no group of the inventory'],
    [
      'two inventory groups',
      host('s1', {}, { inventoryGroups: ['web', 'eu'] }),
      by('inventory_group'),
      'is in 2 groups of the inventory (web, eu), so it has no one inventory_group',
    ],
    [
      'a group of its own and one for all',
      host('s1', {}, { group: 'a', line: 3 }),
      { group: 'b' },
      'Line 3 of hosts.ini: s1 has a group of its own, a, while all are to be in b.',
    ],
    [
      'a group of its own and variables',
      host('s1', { role: 'b' }, { group: 'a' }),
      by('role'),
      'has a group of its own, a, while groups are made of role',
    ],
    [
      'a bad group of its own',
      host('s1', {}, { group: 'a b' }),
      {},
      'has no group that is allowed: the group is "a b"',
    ],
  ])('is refused for %s', (_, one, options, problem) => {
    expect(refusalOf([one], options)).toMatch(problem);
  });

  it.each<[TargetListOptions, string]>([
    [{ group: 'a', groupBy: ['b'] }, 'not both'],
    [{ group: 'a b' }, 'the group is "a b"'],
    [{ groupBy: [] }, 'not of none'],
    [{ groupBy: ['a', 'b', 'c'] }, 'not of "a,b,c"'],
    [{ groupBy: ['a', ''] }, 'not of "a,"'],
  ])('is refused for the options %j', (options, problem) => {
    expect(refusalOf([host('s1')], options, WrongOptionError)).toMatch(problem);
  });
});

describe('a target that occurs twice', () => {
  it('is refused, in whatever groups', () => {
    const hosts = [
      host('s1', {}, { line: 2, group: 'a' }),
      host('s2', {}, { line: 3, group: 'a' }),
      host('s1', {}, { line: 5, group: 'b' }),
    ];
    expect(refusalOf(hosts)).toBe('Line 5 of hosts.ini: s1 is there twice, first in line 2.');
    expect(refusalOf([host('s1'), host('s1')])).toBe('s1 of hosts.ini is there twice.');
  });

  const twice = (one: Variables, other: Variables, names: readonly [string, string] = ['s1', 's2']) => [
    host(names[0], one),
    host(names[1], other),
  ];

  it.each<[string, Host[]]>([
    ['address', twice({ ansible_host: '10.0.0.1' }, { ansible_host: '10.0.0.1' })],
    ['address and port', twice({ ansible_host: 'x', ansible_port: 22 }, { ansible_host: 'x' })],
    [
      'address, as a text',
      twice({ ansible_host: 'x', ansible_port: '2222' }, { ansible_host: 'x', ansible_port: 2222 }),
    ],
    ['address, which is the name of one', twice({}, { ansible_host: 's1' })],
    [
      'address in another case',
      twice({ ansible_host: 'Web.example.com' }, { ansible_host: 'web.EXAMPLE.com' }),
    ],
    ['name in another case', twice({}, {}, ['s1', 'S1'])],
  ])('under two names in a group is refused: same %s', (_, hosts) => {
    expect(refusalOf(hosts)).toMatch(
      /^\w+ of hosts.ini has the address of s1 \(.+, port \d+\), and both are in the same group: leave one of them out\.$/,
    );
    const apart = hosts.map((one, at) => ({ ...one, group: `g${at}` }));
    expect(list(apart).count).toBe(2);
  });

  it.each<[string, Host[]]>([
    ['ports differ', twice({ ansible_host: 'x', ansible_port: 1 }, { ansible_host: 'x', ansible_port: 2 })],
    [
      'the connections are local',
      twice(
        { ansible_host: 'x', ansible_connection: 'local' },
        { ansible_host: 'x', ansible_connection: 'local' },
      ),
    ],
    [
      'only a play resolves their address',
      twice(
        printed({ ansible_host: '{{ inventory_hostname }}.x' }),
        printed({ ansible_host: '{{ inventory_hostname }}.x' }),
      ),
    ],
  ])('are two servers if %s', (_, hosts) => {
    expect(sizes(hosts)).toEqual(['all 2 of 2']);
  });

  it('is no matter where the limit leaves one of the names out', () => {
    const [one, other] = twice({}, { ansible_host: 's1' });
    expect(
      sizes([
        { ...host('s1'), ...one },
        { ...host('s2'), ...other, isChosen: false },
      ]),
    ).toEqual(['all 1 of 1']);
  });
});

test('nothing to do is refused', () => {
  expect(refusalOf([])).toBe('hosts.ini has no targets.');
  expect(refusalOf([host('s1', {}, { isChosen: false })])).toBe('hosts.ini has no targets.');
});

test('the name of a host that is no name of a target is refused, unless the limit leaves it out', () => {
  expect(refusalOf([host('a b'), host('c')])).toMatch(
    'a b of hosts.ini has no name that is allowed: the target is "a b"; allowed is a target that begins with',
  );
  expect(list([host('a b', {}, { isChosen: false }), host('c')]).count).toBe(1);
});

test('all problems are told at once', () => {
  const hosts = [host('s1', { role: 'web' }), host('s2'), host('s1', { role: 'web' })];
  expect(refusalOf(hosts, { groupBy: ['role'], body: '{{ port }}' }).split('\n')).toEqual([
    'No request can be made of hosts.ini, for 4 reasons:',
    '  s1 of hosts.ini has no variable port, which the body needs.',
    '  s2 of hosts.ini has no variable role, which its group is made of.',
    '  s1 of hosts.ini is there twice.',
    '  s1 of hosts.ini has no variable port, which the body needs.',
  ]);
});
