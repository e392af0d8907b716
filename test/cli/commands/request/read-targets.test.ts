import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import {
  findUsageProblem,
  readTargetList,
  type TargetOptions,
} from '../../../../cli/commands/request/read-targets.ts';
import { CliError } from '../../../../cli/error.ts';

const MODULE = join(import.meta.dirname, '../../../../cli/commands/request/read-targets.ts');

const directory = mkdtempSync(join(tmpdir(), 'mayfly-read-targets-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Reads in a process of its own, which has a standard input and a standard error. Ansible is not on its PATH. */
async function readApart(options: TargetOptions, input: string) {
  const script =
    `import { readTargetList } from ${JSON.stringify(MODULE)};` +
    `console.log(JSON.stringify(await readTargetList(${JSON.stringify(options)}, {})));`;
  const { stdout, stderr } = await execa(process.execPath, ['--input-type=module', '--eval', script], {
    input,
  });
  return { list: JSON.parse(stdout), stderr };
}

describe('the targets of a request', () => {
  it('are read from standard input', async () => {
    const { list, stderr } = await readApart(
      { targets: '-', group: 'shop/web', body: 'x {{ target }}' },
      's1\ns2\n',
    );
    expect(stderr).toBe('');
    expect(list).toEqual({
      count: 2,
      groups: [
        {
          name: 'shop/web',
          size: 2,
          targets: [
            { target: 's1', index: 1, body: 'x s1' },
            { target: 's2', index: 2, body: 'x s2' },
          ],
        },
      ],
    });
  });

  it('are read from a file, and put into groups by variables with commas', async () => {
    const targets = join(directory, 'targets.jsonl');
    writeFileSync(targets, '{"target": "s1", "vars": {"family": "shop", "role": "web"}}\n');
    const { groups } = await readTargetList({ targets, groupBy: 'family, role' }, {});
    expect(groups.map(({ name }) => name)).toEqual(['shop/web']);
  });

  it('are read from an inventory, with the warnings on standard error', async () => {
    const inventory = join(directory, 'list.json');
    writeFileSync(inventory, '{"_meta": {"hostvars": {}}, "web": {"hosts": ["s1", "s2", "s3"]}}');
    const { list, stderr } = await readApart({ inventory, limit: 'web:!s2:\u202enone' }, '');
    expect(list).toMatchObject({ count: 2, groups: [{ name: 'all', size: 3 }] });
    expect(stderr).toBe('mayfly: Ansible: Could not match supplied host pattern, ignoring: \\u202enone');
  });

  it('are refused if their file cannot be read', async () => {
    const targets = join(directory, 'none');
    const reading = readTargetList({ targets }, {});
    await expect(reading).rejects.toThrow(CliError);
    await expect(reading).rejects.toThrow(`${targets} cannot be read (ENOENT`);
  });
});

describe('the options', () => {
  it.each<[TargetOptions, string]>([
    [{}, 'Give exactly one of these: --targets'],
    [{ targets: '-', inventory: 'hosts' }, 'Give exactly one of these: --targets'],
    [{ targets: '-', limit: 'web' }, '--limit needs --inventory.'],
    [{ targets: '-', group: 'a', groupBy: 'b' }, 'Give --group or --group-by, not both.'],
  ])('%j are refused', (options, problem) => {
    expect(findUsageProblem(options)).toMatch(problem);
  });

  it.each<TargetOptions>([
    { targets: '-' },
    { inventory: 'hosts', limit: 'web', group: 'a' },
    { inventory: 'hosts', groupBy: 'a,b', body: 'x' },
  ])('%j are allowed', (options) => {
    expect(findUsageProblem(options)).toBeUndefined();
  });
});
