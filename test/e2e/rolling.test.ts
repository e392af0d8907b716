import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROLLING } from '../../demo/recordings/rolling.ts';
import { shellLines } from '../support/shell-blocks.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Below the ports that Linux gives to connections, and others in each test run. */
const FIRST_PORT = 20_000 + (process.pid % 400) * 25;

let directory: string;
let env: Record<string, string>;
let endCloud: (() => Promise<unknown>) | undefined;
let lines: string[];

/** Types a line in a shell of the checkout. */
const type = (line: string) =>
  execa('bash', ['-c', line], { cwd: ROOT, env, extendEnv: false, all: true, reject: false });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-rolling-'));
  const own = Object.entries(process.env).filter(([name]) => !/^(AWS|CDK|MAYFLY)_/.test(name));
  env = {
    ...Object.fromEntries(own.map(([name, value = '']) => [name, value])),
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
    SHOP: join(directory, 'shop'),
    SHOP_PORT: String(FIRST_PORT),
    npm_config_cache: join(directory, 'npm'),
    CDK_OUTPUT: join(directory, 'cdk.out'),
    CDK_VALIDATION: 'false',
  };
  lines = shellLines(await readFile(join(ROOT, 'examples/rolling/README.md'), 'utf8'));
});
afterAll(async () => {
  await type('node examples/rolling/servers.mjs stop');
  await endCloud?.();
  await rm(directory, { recursive: true, force: true });
});

/** Starts the cloud as the page says, in a directory and on a port of this test. Adds the variables that it prints. */
async function startCloud(line: string): Promise<void> {
  const started = execa('bash', ['-c', `exec ${line} --port 0 --directory ${directory}/cloud`], {
    ...{ cwd: ROOT, env, extendEnv: false, reject: false, detached: true },
  });
  // A terminal sends Ctrl-C to npx and to what npx has started.
  endCloud = () => {
    process.kill(-Number(started.pid), 'SIGINT');
    return started;
  };
  let printed = '';
  while (!printed.includes('Ctrl-C')) printed += (await once(started.stdout, 'data'))[0];
  for (const [, name = '', value = ''] of printed.matchAll(/^ +export (\w+)=(\S+)$/gm)) env[name] = value;
  expect(env).toMatchObject({ AWS_ENDPOINT_URL: expect.stringMatching(/^http:/) });
}

test('the commands of the page do what it says', async () => {
  const [local = '', shop, start = '', deploy = '', ...others] = lines;
  expect(local).toMatch(/^npx mayfly local /);
  // The test has a directory of its own.
  expect(shop).toMatch(/^export SHOP=/);
  await startCloud(local);
  for (const line of [start, deploy]) {
    const { exitCode, all } = await type(line);
    expect(exitCode, `${line}\n${all}`).toBe(0);
  }
  for (const [at, { expected, status = 0 }] of ROLLING.entries()) {
    const { exitCode, all } = await type(others[at] ?? '');
    expect(all, others[at]).toMatch(expected);
    expect(exitCode, `${others[at]}\n${all}`).toBe(status);
  }
  const stop = others.slice(ROLLING.length);
  expect(stop).toHaveLength(1);
  expect((await type(stop[0] ?? '')).exitCode).toBe(0);
  expect((await type('node examples/rolling/servers.mjs show')).all).toBe('no answer, 24 of 24 servers');
}, 600_000);
