import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endsWithin } from '../../../../cli/commands/local/local.ts';
import { signedFetch } from '../../../../local/test/support/sigv4.ts';
import packageJson from '../../../../package.json' with { type: 'json' };
import { readyAccess } from '../../../support/ready.ts';

const BIN = resolve(import.meta.dirname, '../../../../bin/mayfly.js');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-cli-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const mayfly = (...args: string[]) =>
  execa(process.execPath, [BIN, ...args], { reject: false, cwd: directory, forceKillAfterDelay: false });

interface Event {
  event: string;
  endpoint?: string;
  action?: string;
}

/** Starts `mayfly local --json` and reads its events. */
function startLocal() {
  const child = mayfly('local', '--port', '0', '--json');
  const events = child.iterable();
  const next = async (): Promise<Event> => {
    const { value, done } = await events.next();
    if (done) throw new Error('mayfly local ended early');
    return JSON.parse(value) as Event;
  };
  return { child, next };
}

test('mayfly --version prints the version of the package', async () => {
  const { stdout, exitCode } = await mayfly('--version');
  expect({ stdout, exitCode }).toEqual({ stdout: packageJson.version, exitCode: 0 });
});

describe('mayfly local', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('runs until %s, and exits with 0', async (signal) => {
    const { child, next } = startLocal();
    const ready = await next();
    expect(ready).toMatchObject({ event: 'ready', region: 'us-east-1' });
    const health = await fetch(`${ready.endpoint}/_mayfly/health`);
    expect(await health.json()).toEqual({ status: 'ok', instances: 'processes' });
    child.kill(signal);
    expect(await next()).toEqual({ event: 'ending' });
    expect(await child).toMatchObject({ exitCode: 0, stderr: '' });
    await expect(fetch(`${ready.endpoint}/_mayfly/health`)).rejects.toThrow();
  });

  test('prints calls as they come, and records them in its log', async () => {
    const { child, next } = startLocal();
    const { endpoint, owner } = readyAccess(JSON.stringify(await next()));
    await signedFetch(endpoint, 'sqs', owner, { headers: { 'x-amz-target': 'AmazonSQS.ListQueues' } });
    expect(await next()).toMatchObject({ event: 'call', service: 'sqs', action: 'ListQueues', status: 200 });
    child.kill('SIGTERM');
    await child;
    expect(await readFile(join(directory, '.mayfly/calls.jsonl'), 'utf8')).toContain('"ListQueues"');
  });

  test('has a command in its help that sets a fault, without the secret in the arguments of a program', async () => {
    const { stdout } = await mayfly('local', '--help');
    const [command = ''] = /^ {2}printf [\s\S]*?\/_mayfly\/faults$/m.exec(stdout) ?? [];
    // `printf` is a builtin of the shell, so no program gets its arguments.
    expect(command.match(/\b(?:printf|curl)\b.*AWS_SECRET_ACCESS_KEY/g)).toEqual([
      expect.stringMatching(/^printf /),
    ]);
    const { child, next } = startLocal();
    const { endpoint, owner } = readyAccess(JSON.stringify(await next()));
    const env = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: owner.accessKeyId,
      AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
    };
    const set = await execa('sh', ['-c', command], { env, reject: false });
    expect(set).toMatchObject({ exitCode: 0, stdout: expect.not.stringContaining('error') });
    const answer = await signedFetch(endpoint, 'sqs', owner, {
      headers: { 'x-amz-target': 'AmazonSQS.ListQueues' },
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    child.kill('SIGTERM');
    await child;
  });

  test('prints the variables for another shell', async () => {
    const child = mayfly('local', '--port', '0');
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk) => {
        if (String(chunk).includes('Ctrl-C')) resolve();
      });
    });
    child.kill('SIGINT');
    const { stdout, exitCode } = await child;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/export AWS_ENDPOINT_URL=http:\/\/127\.0\.0\.1:\d+\n/);
    expect(stdout).toMatch(/export AWS_SECRET_ACCESS_KEY=[\w-]{40}\n/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no colour or cursor codes off a terminal.
    expect(stdout).not.toMatch(/\u001b/);
  });

  test('a port in use gives one message and status 1', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { stderr, exitCode } = await mayfly('local', '--port', String(port));
    server.close();
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `mayfly: Port ${port} is in use: stop the program that listens there or choose another port.`,
    );
  });

  test('a directory that cannot be written gives one message and status 1', async () => {
    const { stderr, exitCode } = await mayfly('local', '--port', '0', '--directory', '/dev/null/cloud');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^mayfly: The directory \/dev\/null\/cloud is not writable .*$/);
    expect(stderr.split('\n')).toHaveLength(1);
  });
});

test('endsWithin gives up after its time', async () => {
  expect(await endsWithin(new Promise(() => {}), 10)).toBe(false);
  expect(await endsWithin(Promise.resolve(), 60_000)).toBe(true);
  await expect(endsWithin(Promise.reject(new Error('no')), 60_000)).rejects.toThrow('no');
});

describe('wrong usage exits with 2, and the message says what is allowed', () => {
  test.each([
    [['local', '--port', 'abc'], "'abc'", '0 to 65535'],
    [['local', '--port', '70000'], "'70000'", '0 to 65535'],
    [['local', '--speed', '0'], "'0'", '1 to 1000'],
    [['local', '--sped', '2'], '--sped', '--speed'],
    [['lokal'], 'lokal', 'local'],
  ])('%j', async (args, value, allowed) => {
    const { stderr, exitCode } = await mayfly(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(value);
    expect(stderr).toContain(allowed);
  });
});

test('help explains commands, variables and statuses', async () => {
  const program = await mayfly('--help');
  expect(program).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Exit status') });
  const local = await mayfly('local', '--help');
  expect(local.stdout).toContain('AWS_ENDPOINT_URL');
});

test('npx finds it in the checkout', async () => {
  const { stdout } = await execa('npx', ['mayfly', '--help'], { cwd: resolve(BIN, '../..') });
  expect(stdout).toContain('Usage: mayfly');
});
