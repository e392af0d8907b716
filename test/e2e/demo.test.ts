import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { XMLValidator } from 'fast-xml-parser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Verdict } from '../../checker/facts.ts';
import type { History } from '../../demo/history.ts';
import { isRunning } from '../support/processes.ts';

const ROOT = join(import.meta.dirname, '../..');

let out: string;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'mayfly-demo-'));
});
afterAll(() => rm(out, { recursive: true, force: true }));

const demo = (...args: string[]) =>
  execa(process.execPath, ['demo/main.ts', '--out', out, ...args], { cwd: ROOT, reject: false });

interface Result {
  ok: boolean;
  peak: number;
  verdict: Verdict;
  history: History;
}

it('scales from zero to at least three instances and back, runs all jobs and writes the pictures', async () => {
  const { exitCode, stdout, stderr } = await demo('--json');
  expect(exitCode, stderr).toBe(0);
  const { ok, peak, verdict, history } = JSON.parse(stdout) as Result;
  expect(ok).toBe(true);
  expect(peak).toBeGreaterThanOrEqual(3);
  expect(verdict).toMatchObject({ violations: [], notes: [], counts: { sent: 48, succeeded: 48, runs: 48 } });
  expect(history.samples.at(-1)).toMatchObject({ visible: 0, inFlight: 0, desired: 0, running: 0 });
  expect(history.instances.map(({ reason, rung }) => [reason, rung])).toEqual(
    history.instances.map(() => ['idle', 'terminate']),
  );
  const png = await readFile(join(out, 'picture.png'));
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1440, 1080]);
  expect(XMLValidator.validate(await readFile(join(out, 'timeline.svg'), 'utf8'))).toBe(true);
}, 400_000);

it('prints one line if a port is in use', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { exitCode, stderr } = await demo('--port', String(port));
  server.close();
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(new RegExp(`^The demo failed: .*${port}`));
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

it('refuses a wrong option and says what is allowed', async () => {
  const { exitCode, stderr } = await demo('--speed', '0');
  expect(exitCode).toBe(1);
  expect(stderr).toContain('Allowed is a whole number from 1 to 60.');
});

it.each([
  { what: 'is interrupted', stop: (demo: Running) => demo.kill('SIGINT') },
  { what: 'loses its reader', stop: (demo: Running) => demo.stdout.destroy() },
])(
  'leaves no process running when it $what',
  async ({ stop }) => {
    const running = start();
    const output = await untilPrinted(running, /[1-9] instances/);
    stop(running);
    const { exitCode, signal } = await running;
    expect({ exitCode, signal }).toEqual({ exitCode: 1, signal: undefined });
    const cloud = join(ROOT, /its logs are in (\S+)/.exec(output)?.[1] ?? '');
    const pids = await agentPids(cloud);
    await rm(cloud, { recursive: true });
    expect(pids).not.toEqual([]);
    expect(pids.filter(isRunning)).toEqual([]);
  },
  240_000,
);

const start = () => execa(process.execPath, ['demo/main.ts', '--out', out], { cwd: ROOT, reject: false });
type Running = ReturnType<typeof start>;

function untilPrinted({ stdout }: Running, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (pattern.test(text)) resolve(text);
    });
  });
}

async function agentPids(cloud: string): Promise<number[]> {
  const instances = join(cloud, 'instances');
  return Promise.all(
    (await readdir(instances)).map(async (id) =>
      Number(await readFile(join(instances, id, 'disk/run/agent.pid'), 'utf8').catch(() => '0')),
    ),
  );
}
