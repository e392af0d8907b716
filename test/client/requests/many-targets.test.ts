import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readInventory } from '../../../client/requests/inventory.ts';
import { listTargets } from '../../../client/requests/target-list.ts';
import { readTargets } from '../../../client/requests/targets.ts';
import { chunksOf } from './chunks.ts';

const COUNT = 100_000;
const GROUPS = 1000;

const directory = mkdtempSync(join(tmpdir(), 'mayfly-many-'));
afterAll(() => rmSync(directory, { recursive: true }));

const numbers = Array.from({ length: COUNT }, (_, at) => at + 1);
const options = { groupBy: ['family', 'role'], body: '{{ target }} {{ index }}/{{ count }}' };

test('a file can have 100,000 targets', async () => {
  const lines = numbers.map((at) => {
    return `{"target": "s${at}", "vars": {"family": "shop", "role": ${at % GROUPS}}}`;
  });
  const { groups, count } = listTargets(await readTargets(chunksOf(lines.join('\n'), 65_536), 'x'), options);
  expect(count).toBe(COUNT);
  expect(groups).toHaveLength(GROUPS);
  expect(groups[7]).toMatchObject({ name: 'shop/8', size: COUNT / GROUPS });
  expect(groups[7]?.targets[1]).toEqual({ target: 's1008', index: 1008, body: 's1008 1008/100000' });
});

test('an inventory can have 100,000 hosts', async () => {
  const ofGroup = (group: number) => numbers.filter((at) => at % GROUPS === group).map((at) => `s${at}`);
  const names = Array.from({ length: GROUPS }, (_, at) => `g${at}`);
  const hostvars = numbers.map((at) => [`s${at}`, { family: 'shop', role: at % GROUPS, ansible_port: at }]);
  const path = join(directory, 'list.json');
  const inventory = {
    _meta: { hostvars: Object.fromEntries(hostvars) },
    all: { children: ['ungrouped', ...names] },
    ...Object.fromEntries(names.map((name, at) => [name, { hosts: ofGroup(at) }])),
  };
  writeFileSync(path, JSON.stringify(inventory));
  const limit = 'g?:g1*:!g10';
  const { groups, count } = listTargets(await readInventory(path, { limit, environment: {} }), options);
  // g0 to g9, g1, g10 to g19, g100 to g199, without g10.
  expect(groups).toHaveLength(10 + 9 + 100);
  expect(count).toBe((10 + 9 + 100) * (COUNT / GROUPS));
  expect(groups[1]).toMatchObject({ name: 'shop/1', size: COUNT / GROUPS });
  expect(groups[1]?.targets[0]).toEqual({ target: 's1', index: 101, body: `s1 101/${count}` });
});
