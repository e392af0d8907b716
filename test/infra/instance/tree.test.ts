import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundle, bundleFrom } from '../../../infra/bundle/bundle.ts';
import { contentHash } from '../../../infra/bundle/staging.ts';
import { writeTree } from '../../../infra/instance/tree.ts';
import { packageRoot } from '../../../lib/package-files.ts';

const base = mkdtempSync(join(tmpdir(), 'mayfly-tree-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let made = 0;
function directory(): string {
  made += 1;
  const path = join(base, String(made));
  mkdirSync(path);
  return path;
}

/** A new worker directory with one program. */
function workers(content = '#!/bin/sh\ntrue\n', mode = 0o755): string {
  const path = directory();
  writeFileSync(join(path, 'work'), content);
  chmodSync(join(path, 'work'), mode);
  return path;
}

function treeHash(workerDirectory: string): string {
  const path = directory();
  writeTree(path, workerDirectory);
  return contentHash(path);
}

describe('the bundles', () => {
  const sources = [
    ...['agent', 'keeper', 'groups', 'store', 'jobs', 'policy', 'aws', 'lib'],
    ...['package.json', 'tsconfig.json'],
  ];

  it.each(['agent', 'keeper'] as const)('of the %s has the same bytes in any directory', (name) => {
    const elsewhere = directory();
    for (const source of sources)
      cpSync(join(packageRoot, source), join(elsewhere, source), { recursive: true });
    symlinkSync(resolve(packageRoot, 'node_modules'), join(elsewhere, 'node_modules'));
    expect(Buffer.from(bundleFrom(elsewhere, name)).equals(bundle(name))).toBe(true);
  });

  it('of the agent has the two calls for secrets, no other of these services, and is small', () => {
    const code = Buffer.from(bundle('agent'));
    expect(code.length).toBeLessThan(1_500_000);
    const named = [
      'GetSecretValue',
      'GetParameter',
      'PutSecretValue',
      'DescribeSecret',
      'GetParametersByPath',
    ];
    expect(named.filter((name) => code.includes(`"${name}"`))).toEqual(['GetSecretValue', 'GetParameter']);
  });

  it('contain no path of the computer that made them', () => {
    expect(Buffer.from(bundle('agent')).includes(packageRoot)).toBe(false);
  });
});

describe('the tree', () => {
  it('has the parts that an instance needs', () => {
    const path = directory();
    writeTree(path, workers());
    expect(() => contentHash(join(path, 'agent'))).not.toThrow();
    for (const file of [
      'agent/agent.mjs',
      'ansible/local.yml',
      'systemd/mayfly-agent.service',
      'worker/work',
    ]) {
      expect(() => cpSync(join(path, file), join(path, 'copy')), file).not.toThrow();
    }
  });

  it('has nothing of the collection, which is for producers', () => {
    const path = directory();
    writeTree(path, workers());
    expect(readdirSync(join(path, 'ansible')).sort()).toEqual(['local.yml', 'prepare-setup.sh', 'roles']);
  });

  it('has the same hash at any time and in any directory if nothing changed', () => {
    expect(treeHash(workers())).toBe(treeHash(workers()));
  });

  it.each<[string, () => string]>([
    ['a changed worker', () => workers('#!/bin/sh\nfalse\n')],
    ['a worker that became executable', () => workers(undefined, 0o644)],
    [
      'one more file',
      () => {
        const path = workers();
        writeFileSync(join(path, 'more'), '');
        return path;
      },
    ],
  ])('has another hash for %s', (_, other) => {
    expect(treeHash(other())).not.toBe(treeHash(workers()));
  });

  it('omits files of tools, and follows links', () => {
    const path = workers();
    mkdirSync(join(path, '.git'));
    writeFileSync(join(path, '.git', 'HEAD'), 'ref');
    expect(treeHash(path)).toBe(treeHash(workers()));

    const linked = directory();
    symlinkSync(join(workers(), 'work'), join(linked, 'work'));
    expect(treeHash(linked)).toBe(treeHash(workers()));
  });
});
