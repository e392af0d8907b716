import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadTargetsError } from '../../../client/errors.ts';
import { matchHosts, splitPatterns } from '../../../client/requests/host-patterns.ts';
import { type Listing, readListing } from '../../../client/requests/listing.ts';
import { ansibleEnvironment } from '../../ansible/collection/playbook.ts';

const directory = mkdtempSync(join(tmpdir(), 'mayfly-patterns-'));
afterAll(() => rmSync(directory, { recursive: true }));

const INVENTORY = `
bastion
2001:db8::1
[web]
web1.example.com
web2.example.com
web-3
[db]
db[1:12]
[both]
db2
web-3
name
[name]
db3
db4
[prod:children]
web
both
[_odd]
10.0.0.[1:3]
[west:children]
prod
db
`;

const LIMITS = [
  'all',
  '*',
  'web',
  'prod',
  'west',
  'ungrouped',
  'bastion',
  'localhost',
  'nothing',
  'web:db',
  'web,db',
  'web, db ,bastion',
  'web db',
  'web:db:!db2',
  'west:&both',
  'db:&both:!web-3',
  '!web',
  '&both',
  '!web:&prod',
  '!db2,db',
  'web[0]',
  'web[-1]',
  'web[1:]',
  'web[1:2]',
  'web[0:0]',
  'web[0-1]',
  'web[7:9]',
  'west[2:4]',
  'all[0:3]',
  'db*[0:1]',
  '*[5]',
  'db[0:2]:!db2',
  'db[12]',
  'web[9]',
  'nothing[9]',
  'web*',
  'WEB*',
  '*.example.com',
  'db?',
  'db1?',
  'db[!1]',
  'db[!12]',
  'db[1-3]x',
  'db[23]?',
  'd[ab]2',
  '[',
  '[]',
  'web-*',
  '~web\\d',
  '~(web|db)1',
  '~web$',
  '~^db[135]$',
  '!~db.*',
  'name',
  '!name',
  '&name',
  '2001:db8::1',
  '[2001:db8::1]:22',
  '10.0.0.*',
  '10.0.0.2',
  '10.0.0.2:22',
  '10.0.0.[1:2]',
  '_odd',
  'web1.example.com:web-3',
  'web:!',
];

/** Limits of up to four patterns. */
const randomLimit = fc
  .array(
    fc.tuple(
      fc.constantFrom('', '', '!', '&'),
      fc.constantFrom(
        'web',
        'db',
        'both',
        'prod',
        'west',
        'all',
        'name',
        'db1',
        'db?',
        'w*',
        'd[bx]1*',
        '~.*[13]$',
        '10.0.0.2',
      ),
      fc.constantFrom('', '', '[0]', '[-1]', '[1:]', '[0:2]', '[3:3]', '[2:0]', '[40]'),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .chain((patterns) =>
    fc.constantFrom(',', ':', ', ').map((by) => patterns.map((one) => one.join('')).join(by)),
  );

describe('a limit', () => {
  const python = (...args: string[]) =>
    spawnSync('/usr/bin/python3', args, { env: ansibleEnvironment(directory), encoding: 'utf8' });
  const isMissing = python('-c', 'import ansible').status !== 0;
  const script = join(directory, 'inventory.sh');
  let listing: Listing;

  beforeAll(() => {
    if (isMissing) return;
    const inventory = join(directory, 'hosts.ini');
    writeFileSync(inventory, INVENTORY);
    const options = { env: ansibleEnvironment(directory), encoding: 'utf8', stdio: 'pipe' } as const;
    const json = execFileSync('ansible-inventory', ['-i', inventory, '--list'], options);
    listing = readListing(json, 'list.json') ?? expect.unreachable();
    // Ansible reads the same JSON, whose order is not that of the file.
    writeFileSync(join(directory, 'list.json'), json);
    writeFileSync(script, `#!/bin/sh\nexec cat ${join(directory, 'list.json')}\n`);
    chmodSync(script, 0o755);
  });

  /** The hosts in order, or null if the limit is refused. */
  function ours(limit: string): string[] | null {
    try {
      const { hosts } = matchHosts(listing, splitPatterns(limit));
      return listing.hostsOf('all').filter((host) => hosts.has(host));
    } catch (error) {
      if (error instanceof BadTargetsError) return null;
      throw error;
    }
  }

  function theirs(limits: readonly string[]): (string[] | null)[] {
    const { stdout, stderr } = spawnSync(
      '/usr/bin/python3',
      [join(import.meta.dirname, 'limit.py'), script],
      {
        env: ansibleEnvironment(directory),
        input: JSON.stringify(limits),
        encoding: 'utf8',
      },
    );
    expect(stdout, stderr).not.toBe('');
    return JSON.parse(stdout);
  }

  it('leaves the hosts that Ansible leaves, in its order', ({ skip }) => {
    if (isMissing) skip('needs Ansible for /usr/bin/python3 (Debian: the package ansible-core)');
    const expected = theirs(LIMITS);
    expect(Object.fromEntries(LIMITS.map((limit) => [limit, ours(limit)]))).toEqual(
      Object.fromEntries(LIMITS.map((limit, at) => [limit, expected[at]])),
    );
    expect(expected.filter((hosts) => hosts === null)).toHaveLength(3);
    expect(expected.filter((hosts) => hosts !== null && hosts.length > 0).length).toBeGreaterThan(40);
  });

  it('leaves the hosts that Ansible leaves, for random limits', ({ skip }) => {
    if (isMissing) skip('needs Ansible for /usr/bin/python3 (Debian: the package ansible-core)');
    const limits = fc.sample(randomLimit, { numRuns: 1000, seed: 12 });
    const expected = theirs(limits);
    const different = limits.flatMap((limit, at) => {
      const [own, other] = [ours(limit), expected[at]];
      return JSON.stringify(own) === JSON.stringify(other) ? [] : [{ limit, own, other }];
    });
    expect(different).toEqual([]);
    expect(expected.filter((hosts) => hosts !== null && hosts.length > 0).length).toBeGreaterThan(300);
  });
});
