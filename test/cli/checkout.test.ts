import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = resolve(import.meta.dirname, '../..');
let bare: string;

/** Starts the command on a Node that reports another version. */
function commandOn(version: string, bin: string) {
  const versions = `Object.assign({}, process.versions, { node: ${JSON.stringify(version)} })`;
  const pretend = `Object.defineProperty(process, "versions", { value: ${versions} })`;
  const flags = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`];
  return execa(process.execPath, [...flags, join(bin, 'mayfly.js'), '--version'], { reject: false });
}

/** A checkout in which `npm install` has not run. */
beforeAll(async () => {
  bare = await mkdtemp(join(tmpdir(), 'mayfly-bare-'));
  for (const name of ['bin', 'demo', 'bench', 'package.json']) {
    await cp(join(ROOT, name), join(bare, name), { recursive: true });
  }
});
afterAll(() => rm(bare, { recursive: true, force: true }));

test.each(['start', 'bench'] as const)(
  'npm run %s without packages prints one sentence, without a stack trace',
  async (script) => {
    const [, ...args] = packageJson.scripts[script].split(' ');
    const { exitCode, stderr } = await execa(process.execPath, args, { cwd: bare, reject: false });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^mayfly: .*packages are not installed.*`npm install`.*$/);
  },
);

test('a checkout refuses a Node that cannot run the TypeScript sources', async () => {
  expect(await commandOn('22.18.0', join(ROOT, 'bin'))).toMatchObject({ stdout: packageJson.version });
  const { stderr, exitCode } = await commandOn('22.17.1', join(ROOT, 'bin'));
  expect(stderr).toMatch(/^mayfly: Node 22\.18 or newer is needed, this is 22\.17\.1\. .*$/);
  expect(exitCode).toBe(1);
});

test('the installed command accepts the oldest Node of package.json, and refuses an older one', async () => {
  const [, major = '', minor = ''] = packageJson.engines.node.match(/^>=(\d+)\.(\d+)$/) ?? [];
  const needed = `Node ${major}.${minor} or newer is needed`;
  expect((await commandOn(`${major}.${Number(minor) - 1}.0`, join(bare, 'bin'))).stderr).toContain(needed);
  // This copy has only the folder bin of an installed package.
  const { stderr } = await commandOn(`${major}.${minor}.0`, join(bare, 'bin'));
  expect(stderr).toMatch(/^mayfly: its packages are not installed/);
});
