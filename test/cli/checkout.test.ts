import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = resolve(import.meta.dirname, '../..');
let bare: string;

/** A checkout in which `npm install` was not yet run. */
beforeAll(async () => {
  bare = await mkdtemp(join(tmpdir(), 'mayfly-bare-'));
  for (const name of ['bin', 'demo', 'bench', 'package.json']) {
    await cp(join(ROOT, name), join(bare, name), { recursive: true });
  }
});
afterAll(() => rm(bare, { recursive: true, force: true }));

test.each(['start', 'bench'] as const)(
  'npm run %s without packages is a sentence, not a stack',
  async (script) => {
    const [, ...words] = packageJson.scripts[script].split(' ');
    const { exitCode, stderr } = await execa(process.execPath, words, { cwd: bare, reject: false });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^mayfly: .*packages are not installed.*`npm install`.*$/);
  },
);
