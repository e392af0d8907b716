import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import type { Try } from '../../../../jobs/record.ts';
import { chunkKey, type LogPart } from '../../../../store/bucket-keys.ts';
import { type BareFleet, bareFleets } from '../../../support/bare-fleet.ts';
import { onTerminal } from '../../../support/pty.ts';

const open = bareFleets();

const STARTED = '2026-01-02T03:04:05.000Z';
const STARTED_MS = Date.parse(STARTED);
const ENDED = '2026-01-02T03:04:09.000Z';

const tried = (more: Partial<Try> = {}): Try => ({
  key: 'k1',
  instance: 'i-1',
  startedAt: STARTED,
  endedAt: ENDED,
  ...more,
});

const short: Partial<Try> = {
  log: {
    stdout: { bytes: 12, text: 'one\nthree\n\x1b[' },
    stderr: { bytes: 4, text: 'two\n' },
    times: [
      [10, 1, 4],
      [20, 2, 4],
      [3000, 1, 8],
    ],
  },
};

/** Writes chunks and their index, as an agent does. `index` has the times of the output. */
async function writeLog(
  { object }: BareFleet,
  job: string,
  key: string,
  parts: Partial<Record<LogPart, (string | Uint8Array)[]>>,
) {
  for (const part of ['stdout', 'stderr', 'index'] as const) {
    for (const [number, content] of (parts[part] ?? []).entries()) {
      await object(chunkKey(job, key, part, number + 1), content);
    }
  }
}

const line = (ms: number, stream: 1 | 2, bytes: number) => `${STARTED_MS + ms} ${stream} ${bytes}\n`;

describe('a short log', () => {
  it('has the bytes of the worker, and can be read by stream', async () => {
    const { mayfly, record } = await open();
    await record({ id: 'j-short', state: 'succeeded', tries: [tried(short)] });
    expect(await mayfly('logs', 'j-short')).toMatchObject({
      stdout: 'one\nthree\n\x1b[',
      stderr: 'two',
      exitCode: 0,
    });
    expect(await mayfly('logs', '--stderr', 'j-short')).toMatchObject({ stdout: 'two', stderr: '' });
    expect(await mayfly('logs', '--stdout', 'j-short')).toMatchObject({ stderr: '' });
  });

  it('can be read with times, and as JSON', async () => {
    const { mayfly, record } = await open();
    await record({ id: 'j-times', state: 'succeeded', tries: [tried(short)] });
    expect(await mayfly('logs', '-t', 'j-times')).toMatchObject({
      stdout: [
        '2026-01-02T03:04:05.010Z one',
        '2026-01-02T03:04:08.000Z three',
        '2026-01-02T03:04:08.000Z \x1b[',
      ].join('\n'),
      stderr: '2026-01-02T03:04:05.020Z two',
    });
    const { stdout, stderr } = await mayfly('logs', '--json', 'j-times');
    expect(stderr).toBe('');
    expect(stdout.split('\n').map((one) => JSON.parse(one))).toEqual([
      { at: '2026-01-02T03:04:05.010Z', stream: 'stdout', text: 'one\n' },
      { at: '2026-01-02T03:04:05.020Z', stream: 'stderr', text: 'two\n' },
      { at: '2026-01-02T03:04:08.000Z', stream: 'stdout', text: 'three\n\x1b[' },
    ]);
  });

  it('is escaped on a terminal, but not with --raw', async () => {
    const { record, env, directory } = await open();
    await record({ id: 'j-tty', state: 'succeeded', tries: [tried(short)] });
    const words = (...more: string[]) =>
      [process.execPath, `${import.meta.dirname}/../../../../bin/mayfly.js`, 'logs', ...more, 'j-tty'].join(
        ' ',
      );
    const shown = onTerminal(words(), { cwd: directory, env });
    expect(await shown.ended()).toBe(0);
    expect(shown.screen()).toBe('one\r\ntwo\r\nthree\r\n\\x1b[');
    const raw = onTerminal(words('--raw', '--stdout'), { cwd: directory, env });
    await raw.ended();
    expect(raw.screen()).toBe('one\r\nthree\r\n\x1b[');
  });
});

describe('a log in the bucket', () => {
  const bytes = Buffer.from([0, 0xff, 10, 0xc3, 0xa4, 0x80]);

  it('is read completely, and its bytes survive JSON', async () => {
    const fleet = await open();
    const id = 'j-long';
    await writeLog(fleet, id, 'k1', {
      stdout: [bytes, 'last\n'],
      stderr: ['warn\nmore\n'],
      index: [line(0, 1, 4) + line(1, 2, 5), line(5, 1, 2) + line(6, 2, 5) + line(7, 1, 5)],
    });
    const log = { stdout: { bytes: 11, chunks: 2 }, stderr: { bytes: 10, chunks: 1 } };
    await fleet.record({ id, state: 'failed', tries: [tried({ log })] });
    const { stdout, stderr } = await fleet.mayflyBytes('logs', id);
    expect(Buffer.from(stdout).toString('latin1')).toBe(`${bytes.toString('latin1')}last`);
    expect(Buffer.from(stderr).toString()).toBe('warn\nmore');
    const { stdout: json } = await fleet.mayfly('logs', '--json', id);
    const lines = json.split('\n').map((one) => JSON.parse(one));
    expect(
      lines.map(({ stream, text, base64 }) => [
        stream,
        text ?? Buffer.from(base64, 'base64').toString('latin1'),
      ]),
    )
      // The character that came in two pieces is printed with the second piece.
      .toEqual([
        ['stdout', '\0\xff\n'],
        ['stderr', 'warn\n'],
        ['stdout', '\xc3\xa4\x80'],
        ['stderr', 'more\n'],
        ['stdout', 'last\n'],
      ]);
  });

  it('has a message where bytes are missing', async () => {
    const fleet = await open();
    const id = 'j-holes';
    await writeLog(fleet, id, 'k1', {
      // The second chunk was written, but the agent got no answer, so the record does not count it.
      stdout: ['before\nafter\n', 'unknown'],
      index: [line(0, 1, 7) + line(1, 1, -500) + line(2, 1, 6)],
    });
    const log = { stdout: { bytes: 600, chunks: 1, lost: 587 }, stderr: { bytes: 0 } };
    await fleet.record({ id, state: 'succeeded', tries: [tried({ log })] });
    expect(await fleet.mayfly('logs', id)).toMatchObject({
      stdout: 'before\nafter',
      stderr:
        'mayfly: 500 bytes of stdout are missing here: they could not be written to the log bucket\n' +
        'mayfly: 87 bytes of stdout are missing here: they could not be written to the log bucket (`mayfly status` may have the last lines)',
      exitCode: 0,
    });
    const { stdout: json } = await fleet.mayfly('logs', '--json', id);
    expect(json.split('\n').map((one) => JSON.parse(one))).toContainEqual({
      at: '2026-01-02T03:04:05.001Z',
      stream: 'stdout',
      lost: 500,
    });
  });

  it('that was deleted, also in part, gives an error', async () => {
    const fleet = await open();
    const { s3 } = fleet.fleet.context.clients;
    const id = 'j-gone';
    await writeLog(fleet, id, 'k1', { stdout: ['a\n', 'b\n'], index: [line(0, 1, 2), line(1, 1, 2)] });
    const log = { stdout: { bytes: 4, chunks: 2 }, stderr: { bytes: 0 } };
    await fleet.record({ id, state: 'succeeded', tries: [tried({ log })] });
    const gone =
      'mayfly: The log of try 1 of job j-gone, or a part of it, is not in the log bucket any more: ';
    const remove = (part: LogPart, number: number) =>
      s3.send(new DeleteObjectCommand({ Bucket: 'logs', Key: chunkKey(id, 'k1', part, number) }));
    await remove('stdout', 2);
    const half = await fleet.mayfly('logs', id);
    expect(half).toMatchObject({ stdout: 'a', stderr: expect.stringContaining(gone), exitCode: 1 });
    for (const part of ['index', 'stdout'] as const) await remove(part, 1);
    const all = await fleet.mayfly('logs', id);
    expect(all).toMatchObject({ stdout: '', stderr: expect.stringContaining(gone), exitCode: 1 });
  });

  it('in a bucket that is gone gives an error', async () => {
    const fleet = await open();
    const log = { stdout: { bytes: 4, chunks: 1 }, stderr: { bytes: 0 } };
    await fleet.record({ id: 'j-bucket', state: 'succeeded', tries: [tried({ log })] });
    const { stderr, exitCode } = await fleet.mayfly('logs', '--log-bucket', 'another', 'j-bucket');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('The log bucket another of fleet group is gone');
  });
});

describe('the try that is read', () => {
  const tries = [
    tried({ key: 'k1', log: { stdout: { bytes: 6, text: 'first\n' }, stderr: { bytes: 0 } } }),
    tried({ key: 'k2', log: { stdout: { bytes: 70 }, stderr: { bytes: 0 } } }),
    tried({ key: 'k3', log: { stdout: { bytes: 6, text: 'third\n' }, stderr: { bytes: 0 } } }),
  ];

  it('is the last one, or that of --try', async () => {
    const { mayfly, record } = await open();
    await record({ id: 'j-tries', state: 'failed', tries });
    expect(await mayfly('logs', 'j-tries')).toMatchObject({ stdout: 'third', stderr: '' });
    expect(await mayfly('logs', '--try', '1', 'j-tries')).toMatchObject({ stdout: 'first', stderr: '' });
    expect(await mayfly('logs', '--try', '2', 'j-tries')).toMatchObject({
      stdout: '',
      stderr:
        'mayfly: 70 bytes of stdout are missing here: a record has room only for the output of the newest tries',
    });
    expect(await mayfly('logs', '--try', '4', 'j-tries')).toMatchObject({
      stderr: 'mayfly: Job j-tries has no try 4: there are 3. `mayfly status j-tries` lists them.',
      exitCode: 1,
    });
  });

  it('is read as far as it was saved if its agent disappeared', async () => {
    const fleet = await open();
    const id = 'j-vanished';
    await writeLog(fleet, id, 'k1', { stdout: ['indexed\n', 'not indexed\n'], index: [line(0, 1, 8)] });
    const { endedAt: _, ...lost } = tried();
    await fleet.record({ id, state: 'queued', tries: [lost] });
    expect(await fleet.mayfly('logs', id)).toMatchObject({
      stdout: 'indexed\nnot indexed',
      stderr:
        'mayfly: the agent on i-1 disappeared during try 1: the output ends here, as far as it was saved',
    });
  });

  it('is read beyond what the record lists if its agent disappeared', async () => {
    const fleet = await open();
    const id = 'j-noted';
    await writeLog(fleet, id, 'k1', {
      stdout: ['noted\n', 'written\n', 'and more\n'],
      stderr: ['of another stream\n'],
      index: [line(0, 1, 6)],
    });
    const { endedAt: _, ...lost } = tried({
      log: { stdout: { bytes: 6, chunks: 1 }, stderr: { bytes: 0 }, tail: 'noted\n' },
    });
    const next = tried({ key: 'k2', log: { stdout: { bytes: 0 }, stderr: { bytes: 0 } } });
    await fleet.record({ id, state: 'queued', tries: [lost] });
    const expected = {
      stdout: 'noted\nwritten\nand more',
      stderr: expect.stringMatching(/^of another stream\nmayfly: the agent on i-1 disappeared/),
    };
    expect(await fleet.mayfly('logs', id)).toMatchObject(expected);
    await fleet.record({ id, state: 'succeeded', tries: [lost, next] });
    expect(await fleet.mayfly('logs', '--try', '1', id)).toMatchObject(expected);
    expect(await fleet.mayfly('logs', '-f', '--try', '1', id)).toMatchObject(expected);
  });
});

describe('logs --follow', () => {
  it('waits for the job, reads all its tries, also while a log moves to the bucket, and ends', async () => {
    const fleet = await open();
    const id = 'j-follow';
    await fleet.record({ id, state: 'queued', attempts: 0 });
    const child = fleet.mayfly('logs', '-f', id);
    const prints = (text: string) => arrival(child.stderr, text);
    await prints('mayfly: waiting for j-follow to start (it is queued)');
    const { endedAt: _, ...runs } = tried();
    const first = { ...runs, log: { stdout: { bytes: 3, text: 'in ' }, stderr: { bytes: 0 } } };
    await fleet.record({ id, state: 'running', tries: [first] });
    await arrival(child.stdout, 'in ');
    await writeLog(fleet, id, 'k1', { stdout: ['in the record\n'], index: [line(0, 1, 14)] });
    const log = { stdout: { bytes: 14, chunks: 1 }, stderr: { bytes: 0 } };
    await fleet.record({ id, state: 'running', tries: [{ ...first, log }] });
    await arrival(child.stdout, 'the record\n');
    const ended = tried({ log, reason: 'exit status 1' });
    await fleet.record({ id, state: 'queued', tries: [ended] });
    await prints('mayfly: waiting for the next try of j-follow (the last one: exit status 1)');
    const second = tried({ key: 'k2', instance: 'i-2', ...short });
    await fleet.record({ id, state: 'succeeded', tries: [ended, second] });
    expect(await child).toMatchObject({
      stdout: 'in the record\none\nthree\n\x1b[',
      stderr: [
        'mayfly: waiting for j-follow to start (it is queued)',
        'mayfly: waiting for the next try of j-follow (the last one: exit status 1)',
        'mayfly: try 2 of j-follow runs on i-2',
        'two',
      ].join('\n'),
      exitCode: 0,
    });
  });

  it('reads the record and one object each time, and lists nothing', async () => {
    const fleet = await open();
    const id = 'j-calls';
    const { endedAt: _, ...runs } = tried();
    await writeLog(fleet, id, 'k1', { stdout: ['a\n'], index: [line(0, 1, 2)] });
    const log = { stdout: { bytes: 2, chunks: 1 }, stderr: { bytes: 0 } };
    await fleet.record({ id, state: 'running', tries: [{ ...runs, log }] });
    const child = fleet.mayfly('logs', '-f', id);
    await arrival(child.stdout, 'a\n');
    const calls: string[] = [];
    const twoReads = Promise.withResolvers<void>();
    const stop = fleet.cloud.onCall(({ action, caller }) => {
      // The services of the cloud call each other once a minute.
      if (caller === 'cloud') return;
      calls.push(action);
      if (calls.filter((one) => one === 'BatchGetItem').length === 2) twoReads.resolve();
    });
    await twoReads.promise;
    stop();
    child.kill();
    await child;
    expect(calls.slice(calls.indexOf('BatchGetItem'))).toEqual(['BatchGetItem', 'GetObject', 'BatchGetItem']);
  });

  it('says why a job never started', async () => {
    const { mayfly, record } = await open();
    await record({ id: 'j-never', state: 'cancelled', attempts: 0, reason: 'cancelled by an operator' });
    expect(await mayfly('logs', '-f', 'j-never')).toMatchObject({
      stdout: '',
      stderr: 'mayfly: j-never never started; it is cancelled: cancelled by an operator',
      exitCode: 0,
    });
    await record({ id: 'j-held', state: 'held', attempts: 0 });
    expect(await mayfly('logs', 'j-held')).toMatchObject({
      stderr: 'mayfly: j-held is held: it has not started (--follow waits for it)',
      exitCode: 0,
    });
  });

  it('ends when its reader closes the pipe', async () => {
    const fleet = await open();
    const { endedAt: _, ...runs } = tried();
    const log = { stdout: { bytes: 3, text: 'go\n' }, stderr: { bytes: 0 } };
    await fleet.record({ id: 'j-head', state: 'running', tries: [{ ...runs, log }] });
    const child = fleet.mayfly('logs', '-f', 'j-head');
    await arrival(child.stdout, 'go\n');
    child.stdout?.destroy();
    await fleet.record({
      id: 'j-head',
      state: 'running',
      tries: [{ ...runs, log: { ...log, stdout: { bytes: 6, text: 'go\non\n' } } }],
    });
    expect(await child).toMatchObject({ exitCode: 0 });
  });
});

describe('what cannot be read gives an error', () => {
  it.each([
    [['logs', 'j-none'], 120, 'There is no job j-none in fleet group'],
    [['logs'], 2, "missing required argument 'id'"],
    [['logs', '--try', '0', 'j-none'], 2, 'Allowed is a whole number from 1'],
    [['logs', '--stdout', '--stderr', 'j-none'], 2, 'cannot be used with'],
    [['logs', '-t', '--json', 'j-none'], 2, 'cannot be used with'],
  ])('%j', async (args, exitCode, sentence) => {
    const { mayfly } = await open();
    expect(await mayfly(...args)).toMatchObject({ exitCode, stderr: expect.stringContaining(sentence) });
  });
});

/** Resolves when the stream has printed this text. */
function arrival(stream: NodeJS.ReadableStream | null, text: string): Promise<void> {
  return new Promise((resolve) => {
    let got = '';
    const look = (chunk: unknown) => {
      got += String(chunk);
      if (!got.includes(text)) return;
      stream?.off('data', look);
      resolve();
    };
    stream?.on('data', look);
  });
}
