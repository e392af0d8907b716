import { spawnSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/rolling');
/** Below the ports that Linux gives to connections, and others in each test run. */
const FIRST_PORT = 10_000 + (process.pid % 400) * 25;

let shop: string;
const run = (program: string, args: string[], more: Record<string, string> = {}, input = '') => {
  const env = { SHOP: shop, SHOP_PORT: String(FIRST_PORT), ...more };
  const options = { cwd: EXAMPLE, env, extendEnv: false, reject: false, input, all: true } as const;
  return execa(process.execPath, [program, ...args], options);
};
const servers = (verb: string) => run('servers.mjs', [verb]);

/** Runs a program of the fleet, as an agent does. */
const work = (program: string, target: string, request: string, body = '') =>
  run(`worker/${program}.mjs`, [], { MAYFLY_TARGET: target, MAYFLY_REQUEST_ID: request }, body);
const healthy = (target: string) =>
  eventually('a healthy server', async () => (await work('healthy', target, 'r')).exitCode === 0);
const versionOf = async (target: string) => (await readFile(join(shop, target, 'version'), 'utf8')).trim();

beforeAll(async () => {
  shop = await mkdtemp(join(tmpdir(), 'mayfly-shop-'));
  expect((await servers('start')).all).toMatch(/^24 servers run version 1\.0/);
});
afterAll(async () => {
  await servers('stop');
  await rm(shop, { recursive: true });
});

test('a restart installs the version of the body, and the server is healthy when it has warmed up', async () => {
  const { exitCode, all } = await work('restart', 'web-01', 'r-1', '2.0\n');
  expect({ exitCode, all }).toEqual({ exitCode: 0, all: 'stopping version 1.0\nstarting version 2.0' });
  expect((await work('healthy', 'web-01', 'r-1')).all).toMatch(/^status (503|200), version 2\.0$/);
  await healthy('web-01');
  const { stdout } = await servers('show');
  expect(stdout).toMatch(/^version 2\.0, status 200, 1 of 24 servers: web-01$/m);
});

test('a roll-back puts back what was there before the request, whatever earlier requests did', async () => {
  expect((await work('restart', 'web-07', 'r-1', '1.5')).exitCode).toBe(0);
  for (const attempt of [1, 2]) {
    const { exitCode, all } = await work('restart', 'web-07', 'r-2', '2.0');
    expect(exitCode, `attempt ${attempt}`).toBe(1);
    expect(all).toContain('the server does not start: version 2.0 needs the setting CURRENCY');
  }
  expect((await work('healthy', 'web-07', 'r-2')).all).toMatch(/ECONNREFUSED/);
  expect((await work('roll-back', 'web-07', 'r-2')).all).toBe('starting version 1.5 again');
  await healthy('web-07');
  await appendFile(join(shop, 'web-07/server.conf'), 'CURRENCY=EUR\n');
  expect((await work('restart', 'web-07', 'r-3', '2.0')).exitCode).toBe(0);
  expect(await versionOf('web-07')).toBe('2.0');
});

test('a roll-back changes nothing where its request has changed nothing', async () => {
  expect((await work('restart', 'web-02', 'r-1', '2.0')).exitCode).toBe(0);
  const { exitCode, all } = await work('roll-back', 'web-02', 'r-2');
  expect({ exitCode, all }).toEqual({ exitCode: 0, all: 'nothing was changed here' });
  expect(await versionOf('web-02')).toBe('2.0');
});

test.each([
  ['a body that is no version', 'web-03', '2.0; rm -rf /', 65, 'it has to be a version'],
  ['an empty body', 'web-03', '', 65, 'it has to be a version'],
  ['a target that leads out of the directory', '../web-03', '2.0', 1, 'is no server of the shop'],
  ['a server that is not there', 'web-99', '2.0', 1, 'ENOENT'],
])('%s is refused', async (_, target, body, status, sentence) => {
  const { exitCode, all } = await work('restart', target, 'r-1', body);
  expect(exitCode).toBe(status);
  expect(all).toContain(sentence);
  expect(await versionOf('web-03')).toBe('1.0');
});

test('a program that is no server of the shop is not ended, whatever it says', async () => {
  const other = createServer((_, response) => response.end(JSON.stringify({ name: 'x', pid: process.pid })));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  await appendFile(join(shop, 'web-04/server.conf'), `PORT=${(other.address() as AddressInfo).port}\n`);
  const { exitCode, all } = await work('restart', 'web-04', 'r-1', '2.0');
  expect(exitCode).toBe(1);
  expect(all).toMatch(/port \d+ is not web-04's: x answers$/);
  other.closeAllConnections();
  other.close();
  await appendFile(join(shop, 'web-04/server.conf'), `PORT=${FIRST_PORT + 4}\n`);
});

const missing = spawnSync('ansible-inventory', ['--version']).error !== undefined;

test('both inventories have the same servers', async ({ skip }) => {
  if (missing) skip('needs ansible-inventory (Debian: the package ansible-core)');
  const { stdout } = await execa('ansible-inventory', ['-i', 'inventory.ini', '--list'], { cwd: EXAMPLE });
  expect(JSON.parse(await readFile(join(EXAMPLE, 'inventory.json'), 'utf8'))).toEqual(JSON.parse(stdout));
});
