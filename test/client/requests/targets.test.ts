import { expect, test } from 'vitest';
import { BadTargetsError } from '../../../client/errors.ts';
import { readTargets } from '../../../client/requests/targets.ts';
import { chunksOf } from './chunks.ts';

async function read(text: string | Uint8Array) {
  const { candidates } = await readTargets(chunksOf(text), 'hosts.txt');
  return candidates.map(({ target, group, variables, line }) => ({ target, group, variables, line }));
}

const refusalOf = (text: string | Uint8Array) =>
  read(text).then(
    () => expect.unreachable(),
    (error: unknown) => {
      expect(error).toBeInstanceOf(BadTargetsError);
      return (error as Error).message;
    },
  );

test('a line is a name or JSON; empty lines and comments are skipped', async () => {
  const text = [
    '\ufeff# the shop',
    's1',
    '',
    '  s2\t# the old one\r',
    '{"target": "s3", "group": "shop/web", "vars": {"port": 22, "version": 2.0}}',
    '{"target":"s4"}',
  ].join('\n');
  expect(await read(text)).toEqual([
    { target: 's1', group: undefined, variables: {}, line: 2 },
    { target: 's2', group: undefined, variables: {}, line: 4 },
    { target: 's3', group: 'shop/web', variables: { port: 22, version: expect.anything() }, line: 5 },
    { target: 's4', group: undefined, variables: {}, line: 6 },
  ]);
});

const ALLOWED = [
  'web1.example.com',
  'WEB_1',
  '10.0.0.1',
  '10.0.0.1:2222',
  '2001:db8::1',
  'fe80::1%eth0',
  'i-0123456789abcdef0',
  'admin@web1',
  'cluster/node-1',
  'x'.repeat(128),
];

test.each(ALLOWED)('%s is the name of a target', async (target) => {
  expect(await read(target)).toMatchObject([{ target }]);
});

const REFUSED = [
  '-v',
  '@hosts',
  '.hidden',
  'a b',
  '::1',
  '/etc/hosts',
  'a,b',
  'a#b',
  'wéb',
  'x'.repeat(129),
  '["s1"]',
  'a$b',
  '*',
];

test.each(REFUSED)('%s is no name of a target', async (target) => {
  expect(await refusalOf(`s1\n${target}`)).toMatch(
    `Line 2 of hosts.txt: the target is ${JSON.stringify(target)}; allowed is a target that begins with`,
  );
});

test.each([
  ['{"target": "s1"', 'it is no JSON: {"target": "s1"; a line is'],
  [
    '{"group": "a"}',
    'it has no target; a line is the name of a target, or {"target": ..., "group"?, "vars"?}.',
  ],
  ['{"target": "s1", "name": 1}', 'the key "name" is unknown; a line is'],
  ['{"target": 1}', 'its target is 1; allowed is a target'],
  ['{"target": "-v"}', 'the target is "-v"; allowed is a target that begins with'],
  ['{"target": "s1", "group": 1}', 'its group is 1; allowed is a group'],
  ['{"target": "s1", "group": "a/b/c"}', 'the group is "a/b/c"; allowed is a group that begins with'],
  ['{"target": "s1", "vars": []}', 'its vars is []; allowed is an object with the variables of the target.'],
])('%s is refused with its line', async (line, problem) => {
  expect(await refusalOf(`\n${line}\n`)).toMatch(`Line 2 of hosts.txt: ${problem}`);
});

test('a line that is not UTF-8 is refused', async () => {
  expect(await refusalOf(Buffer.from('s1\nw\xe9b\n', 'latin1'))).toBe(
    'Line 2 of hosts.txt: it is not UTF-8: the byte 0xe9 follows "w".',
  );
});

test('the first ten bad lines are named, the others are counted', async () => {
  const message = await refusalOf(Array.from({ length: 12 }, (_, at) => `-${at}`).join('\n'));
  const lines = message.split('\n');
  expect(lines).toHaveLength(12);
  expect(lines[0]).toBe('No request can be made of hosts.txt, for 12 reasons:');
  expect(lines[10]).toMatch('  Line 10 of hosts.txt: the target is "-9"');
  expect(lines[11]).toBe('  and 2 more.');
});
