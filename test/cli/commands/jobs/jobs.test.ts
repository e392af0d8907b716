import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bodyKey } from '../../../../jobs/body-key.ts';
import type { JobRecord, TryLog } from '../../../../jobs/record.ts';
import { createBodyAttributes } from '../../../../store/body-in-record.ts';
import { digestBody } from '../../../../store/body-store.ts';
import { chunkKey } from '../../../../store/bucket-keys.ts';
import { type BareFleet, bareFleets } from '../../../support/bare-fleet.ts';
import { onTerminal } from '../../../support/pty.ts';

const open = bareFleets();
const MAYFLY = `${process.execPath} ${process.cwd()}/bin/mayfly.js`;

const AT = '2026-01-02T03:04:05.000Z';
const END = '2026-01-02T03:04:08.500Z';
const EVIL = '\x1b]0;owned\x07\x1b[2J\u202e';

type Draft = Omit<JobRecord, 'pk' | 'attempts'>;

const ended = (id: string, state: JobRecord['state'], more: Partial<JobRecord> = {}): Draft => ({
  id,
  state,
  enqueuedAt: '2026-01-02T03:04:03.000Z',
  startedAt: AT,
  endedAt: END,
  tries: [{ key: 'k', instance: 'i-0a', startedAt: AT, endedAt: END }],
  ...more,
});

const printed = (stdout: string, stderr = ''): Partial<JobRecord> => ({
  tries: [
    {
      key: 'k',
      instance: 'i-0a',
      startedAt: AT,
      endedAt: END,
      log: {
        stdout: { bytes: Buffer.byteLength(stdout), text: stdout },
        stderr: { bytes: Buffer.byteLength(stderr), text: stderr },
      },
    },
  ],
});

const RECORDS: Draft[] = [
  ended('j-good', 'succeeded', { exitStatus: 0, ...printed('one\ntwo\n', 'warning\n') }),
  ended('j-bad', 'failed', { exitStatus: 3, reason: `exit status 3 ${EVIL}`, ...printed(`${EVIL}evil\n`) }),
  ended('j-killed', 'failed', { signal: 'SIGKILL' }),
  ended('j-late', 'timed_out', { signal: 'SIGTERM', limitSeconds: 3 }),
  ended('j-stopped', 'cancelled', { signal: 'SIGTERM', cancelRequestedAt: AT }),
  { id: 'j-queued', state: 'queued', enqueuedAt: new Date().toISOString(), body: 'x' },
  { id: 'j-forgotten', state: 'queued', enqueuedAt: '2020-01-01T00:00:00.000Z' },
];

/** Jobs of the names above, for tests that change nothing. */
let bare: BareFleet;
beforeAll(async () => {
  bare = await open();
  for (const record of RECORDS) await bare.record(record);
});

const json = (text: unknown) => JSON.parse(String(text));

describe('status', () => {
  it('shows one job as a block', async () => {
    const { stdout, stderr, exitCode } = await bare.mayfly('status', 'j-good');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toBe(
      [
        'j-good  succeeded',
        '  enqueued 2026-01-02T03:04:03Z, waited 2 s, ran 3.5 s',
        '  on i-0a',
        '  output, 16 bytes:',
        '  | one',
        '  | two',
        '  | warning',
      ].join('\n'),
    );
  });

  it('shows the result of the worker, escaped, or why it was left out', async () => {
    const tries = (more: object) => [{ key: 'k', instance: 'i-0a', startedAt: AT, endedAt: END, ...more }];
    const object = '{"recap": {"ok": 3}, "status": "changed"}\n';
    await bare.record(ended('j-object', 'succeeded', { tries: tries({ result: object }) }));
    await bare.record(ended('j-line', 'succeeded', { tries: tries({ result: `${EVIL}done\n` }) }));
    const lines = Array.from({ length: 12 }, (_, line) => `line ${line}\n`).join('');
    await bare.record(ended('j-lines', 'failed', { tries: tries({ result: lines }) }));
    await bare.record(ended('j-left', 'failed', { tries: tries({ resultError: 'it is not UTF-8' }) }));
    const shown = async (id: string) => (await bare.mayfly('status', id)).stdout;
    expect(await shown('j-object')).toContain('\n  result: {"recap":{"ok":3},"status":"changed"}');
    expect(await shown('j-line')).toMatch(/\n {2}result: \P{Cc}*done$/u);
    expect(await shown('j-lines')).toContain(
      '\n  result, 86 bytes, its start (all of it: mayfly status --json j-lines):\n  | line 0\n',
    );
    expect(await shown('j-lines')).toMatch(/ {2}\| line 9$/);
    expect(await shown('j-left')).toContain('\n  result left out: it is not UTF-8');
    for (const verb of ['status', 'wait']) {
      const { stdout } = await bare.mayfly(verb, '--json', 'j-object', 'j-lines', 'j-left');
      expect(json(stdout)).toMatchObject([
        { result: { recap: { ok: 3 }, status: 'changed' } },
        { result: lines },
        { resultError: 'it is not UTF-8' },
      ]);
    }
    expect(json((await bare.mayfly('status', '--ansible', 'j-object', 'j-left')).stdout)).toMatchObject([
      { result: { recap: { ok: 3 }, status: 'changed' } },
      { result_error: 'it is not UTF-8' },
    ]);
  });

  it('shows several jobs as blocks, unknown ones on stderr, and exits with 120', async () => {
    const { stdout, stderr, exitCode } = await bare.mayfly('status', 'j-killed', 'j-none', 'j-late');
    expect(stdout).toMatch(
      /^j-killed {2}failed: died of SIGKILL\n.*\n\nj-late {2}timed_out: .*time limit 3 s$/s,
    );
    expect(stderr).toMatch(/^mayfly: There is no job j-none in fleet group: .*$/);
    expect(exitCode).toBe(120);
  });

  it('prints a JSON object for one id, an array for several or for standard input', async () => {
    expect(json((await bare.mayfly('status', '--json', 'j-good')).stdout)).toMatchObject({
      id: 'j-good',
      state: 'succeeded',
      finished: true,
      waitedSeconds: 2,
      ranSeconds: 3.5,
    });
    const { stdout, exitCode } = await bare.mayflyReading('j-none\n', 'status', '--json', '-');
    expect(json(stdout)).toEqual([
      { id: 'j-none', state: 'unknown', finished: false, attempts: 0, tries: [] },
    ]);
    expect(exitCode).toBe(120);
  });

  it('counts output beyond maxLog', async () => {
    const stdout = { bytes: 9000, lost: 1000, chunks: 1 };
    const log = { stdout, stderr: { bytes: 0 }, maxBytes: 8000, tail: 'end\n' };
    const tries = [{ key: 'k', instance: 'i-0a', startedAt: AT, endedAt: END, log }];
    await bare.record(ended('j-holes', 'succeeded', { exitStatus: 0, tries }));
    const { stdout: shown } = await bare.mayfly('status', 'j-holes');
    expect(shown).toContain(
      'output, 9000 bytes, 1000 of them beyond maxLog, its end (what was saved: mayfly logs j-holes):\n  | end',
    );
  });

  it('counts output that was lost', async () => {
    const log = { stdout: { bytes: 0 }, stderr: { bytes: 9000, lost: 8000, chunks: 1 }, tail: 'end\n' };
    const tries = [{ key: 'k', instance: 'i-0a', startedAt: AT, endedAt: END, log }];
    await bare.record(ended('j-holes', 'succeeded', { exitStatus: 0, tries }));
    const { stdout } = await bare.mayfly('status', 'j-holes');
    expect(stdout).toContain(
      'output, 9000 bytes, 8000 of them lost, its end (what was saved: mayfly logs j-holes):\n  | end',
    );
  });

  it('escapes text of jobs, in text and JSON output, also for a pipe', async () => {
    for (const args of [['status'], ['status', '--json'], ['status', '--ansible'], ['wait'], ['list']]) {
      const { stdout } = await bare.mayfly(...args, ...(args[0] === 'list' ? [] : ['j-bad']));
      expect(stdout).toContain('owned');
      expect(stdout).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u);
    }
  });
});

describe('the body of a job', () => {
  const long = `{"path": "a.mov",\n${EVIL}${'é'.repeat(1_000_000)}}`;

  beforeAll(async () => {
    await bare.record(ended('j-told', 'succeeded', { label: 'told', body: `one\ntwo\t${EVIL}` }));
    const kept = { ...createBodyAttributes(long), bodyKey: bodyKey('j-long-body') };
    await bare.object(bodyKey('j-long-body'), long);
    await bare.record(
      ended('j-long-body', 'failed', { label: 'told', ...kept, bodyDigest: digestBody(long) }),
    );
    await bare.object(bodyKey('j-replaced'), long);
    await bare.record(ended('j-replaced', 'failed', { ...kept, bodyDigest: digestBody('another') }));
    await bare.record({
      id: 'j-on-its-way',
      state: 'running',
      enqueuedAt: AT,
      ...createBodyAttributes(long),
    });
  });

  it('is shown by status and list: its start, escaped, on one line', async () => {
    const status = await bare.mayfly('status', 'j-told', 'j-long-body', 'j-on-its-way');
    const lines = String(status.stdout).split('\n');
    expect(lines).toContain('  body: one\\ntwo\\t\\x1b]0;owned\\x07\\x1b[2J\\u202e');
    const start = '{"path": "a.mov",\\n\\x1b]0;owned\\x07\\x1b[2J\\u202eé';
    const [one, other] = lines.filter((line) => line.startsWith('  body, '));
    expect(one).toContain(
      `  body, ${Buffer.byteLength(long)} bytes (all of it: mayfly status --body j-long-body): ${start}`,
    );
    expect(other).toContain(`  body, ${Buffer.byteLength(long)} bytes: ${start}`);
    expect(other).toMatch(/é…$/);

    const { stdout } = await bare.mayfly('list', '--label', 'told');
    expect(String(stdout).split('\n')).toEqual([
      expect.stringMatching(/ instance +body +why$/),
      expect.stringMatching(/^j-told .* i-0a +one\\ntwo\\t\\x1b\]0;owned\\x07\\x1b\[2J\\u202e$/),
      expect.stringMatching(/^j-long-body .* i-0a +\{"path": "a.mov",\\n\\x1b\]0;owned\\x07\\x1b…$/),
    ]);
  });

  it('is printed by status --body byte by byte, or an error says why not', async () => {
    const bodyOf = async (id: string) => (await bare.mayflyBytes('status', '--body', id)).stdout;
    expect(Buffer.from(await bodyOf('j-told'))).toEqual(Buffer.from(`one\ntwo\t${EVIL}`));
    expect(Buffer.from(await bodyOf('j-long-body')).equals(Buffer.from(long))).toBe(true);

    const refused = async (...ids: string[]) => {
      const { stdout, stderr, exitCode } = await bare.mayfly('status', '--body', ...ids);
      expect(stdout).toBe('');
      return { stderr, exitCode };
    };
    expect(await refused('j-replaced')).toEqual({
      stderr: expect.stringMatching(
        /^mayfly: The body of job j-replaced cannot be shown: .* another digest\.$/,
      ),
      exitCode: 1,
    });
    expect(await refused('j-on-its-way')).toEqual({
      stderr: expect.stringMatching(
        /^mayfly: The body of job j-on-its-way is not stored any more: .* job is running\. /,
      ),
      exitCode: 1,
    });
    expect(await refused('j-none')).toMatchObject({ exitCode: 120 });
    expect(await refused('j-told', 'j-good')).toEqual({
      stderr: 'mayfly: --body prints the body of one job; 2 were named.',
      exitCode: 2,
    });
  });

  it('is whole in status --json if it is kept; list --json has the part in the record', async () => {
    const { stdout } = await bare.mayfly('status', '--json', 'j-told', 'j-long-body', 'j-replaced');
    const more = { bodyBytes: Buffer.byteLength(long), bodyStart: long.slice(0, 200) };
    const jobs = json(stdout);
    expect(jobs[0].body).toBe(`one\ntwo\t${EVIL}`);
    expect(jobs[0]).not.toHaveProperty('bodyBytes');
    expect(jobs[1].body === long).toBe(true);
    expect(jobs[1]).toMatchObject({ ...more, bodyLocation: 's3://logs/bodies/j-long-body' });
    expect(jobs[2]).toMatchObject(more);
    expect(jobs[2]).not.toHaveProperty('body');
    const listed = json((await bare.mayfly('list', '--json', '--label', 'told')).stdout);
    expect(listed).toMatchObject([
      { id: 'j-told', body: `one\ntwo\t${EVIL}` },
      { id: 'j-long-body', ...more },
    ]);
    expect(listed[1]).not.toHaveProperty('body');
  });
});

describe('a terminal', () => {
  it('gets colours, and no control characters of a job', async () => {
    const pty = onTerminal(`${MAYFLY} status j-bad; ${MAYFLY} list --state failed`, {
      cwd: bare.directory,
      env: bare.env,
      columns: 200,
    });
    expect(await pty.ended()).toBe(0);
    const screen = pty.screen();
    expect(screen).toContain('\x1b[31mfailed\x1b[39m');
    expect(screen).toContain(' \\x1b]0;owned\\x07\\x1b[2J\\u202eevil');
    for (const obeyed of ['\x1b]', '\x1b[2J', '\x07', '\u202e']) expect(screen).not.toContain(obeyed);
  });

  it('gets an escaped body; a pipe gets it unchanged', async () => {
    await bare.record(ended('j-harm', 'succeeded', { body: `one\n${EVIL}` }));
    const pty = onTerminal(`${MAYFLY} status --body j-harm`, { cwd: bare.directory, env: bare.env });
    expect(await pty.ended()).toBe(0);
    expect(pty.screen()).toBe('one\r\n\\x1b]0;owned\\x07\\x1b[2J\\u202e');
    expect((await bare.mayfly('status', '--body', 'j-harm')).stdout).toBe(`one\n${EVIL}`);
  });

  it('gets no colours with NO_COLOR', async () => {
    const pty = onTerminal(`${MAYFLY} status j-bad`, {
      cwd: bare.directory,
      env: { ...bare.env, NO_COLOR: '1' },
    });
    expect(await pty.ended()).toBe(0);
    expect(pty.screen()).not.toContain('\x1b[');
  });

  it('gets a table that fits, without losing text', async () => {
    const env = { ...bare.env, NO_COLOR: '1' };
    const pty = onTerminal(`${MAYFLY} list`, { cwd: bare.directory, env, columns: 60 });
    await pty.ended();
    const lines = pty.screen().trimEnd().split('\r\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(60);
    // The line breaks depend on how long the queued job has waited.
    expect(lines.join(' ').replaceAll(/ +/g, ' ')).toContain('tries: 1 instance: i-0a why: died of SIGKILL');
  });
});

describe('status --ansible', () => {
  const of = async (...ids: string[]) => {
    const { stdout, exitCode } = await bare.mayfly('status', '--ansible', ...ids);
    return { status: json(stdout), exitCode };
  };

  it('has the shape of async_status', async () => {
    expect(await of('j-good')).toEqual({
      exitCode: 0,
      status: {
        ansible_job_id: 'j-good',
        started: 1,
        finished: 1,
        failed: false,
        rc: 0,
        stdout: 'one\ntwo',
        stderr: 'warning',
        stdout_lines: ['one', 'two'],
        stderr_lines: ['warning'],
        msg: '',
        state: 'succeeded',
      },
    });
  });

  it("has no line breaks at the ends of its texts, like the results of Ansible's modules", async () => {
    await bare.record(ended('j-breaks', 'succeeded', printed('\na\r\n\nb\n\r\n\n', '\n')));
    expect((await of('j-breaks')).status).toMatchObject({
      stdout: '\na\r\n\nb',
      stdout_lines: ['', 'a', '', 'b'],
      stderr: '',
      stderr_lines: [],
    });
  });

  it('has the label of a job', async () => {
    await bare.record(ended('j-labelled', 'succeeded', { label: 'nightly' }));
    expect((await of('j-labelled')).status).toMatchObject({ label: 'nightly' });
    expect((await of('j-good')).status).not.toHaveProperty('label');
  });

  it('distinguishes the ends of jobs, and does not count unknown as an end', async () => {
    const expected = {
      'j-bad': { started: 1, finished: 1, failed: true, rc: 3, state: 'failed' },
      'j-killed': { started: 1, finished: 1, failed: true, rc: -9, msg: 'failed: died of SIGKILL' },
      'j-late': { started: 1, finished: 1, failed: true, rc: 124, state: 'timed_out' },
      'j-stopped': { started: 1, finished: 1, failed: true, rc: -15, state: 'cancelled' },
      'j-queued': { started: 0, finished: 0, failed: false, rc: null, state: 'queued' },
      'j-forgotten': { started: 0, finished: 1, failed: true, rc: null, state: 'lost' },
      'j-none': { started: 0, finished: 0, failed: true, rc: null, state: 'unknown', stdout: '' },
    };
    const { status, exitCode } = await of(...Object.keys(expected));
    expect(status).toMatchObject(
      Object.entries(expected).map(([ansible_job_id, each]) => ({ ansible_job_id, ...each })),
    );
    expect(exitCode).toBe(120);
  });

  it('has the end of a long output, and says so', async () => {
    const text = 'line\n'.repeat(40_000);
    await bare.object(chunkKey('j-long', 'k', 'stdout', 1), text.slice(0, 90_000));
    await bare.object(chunkKey('j-long', 'k', 'stdout', 2), text.slice(90_000));
    const log = { stdout: { bytes: text.length, chunks: 2 }, stderr: { bytes: 0 }, tail: 'line\n' };
    const tries = [{ key: 'k', instance: 'i-0a', startedAt: AT, endedAt: END, log }];
    await bare.record(ended('j-long', 'succeeded', { exitStatus: 0, tries }));
    const { status } = await of('j-long', 'j-good');
    expect(status[0]).toMatchObject({
      rc: 0,
      truncated: true,
      msg: expect.stringContaining('mayfly logs j-long'),
    });
    expect(status[0].stdout).toBe(text.slice(-65_536, -1));
    expect(status[1]).toMatchObject({ ansible_job_id: 'j-good' });
  });
});

describe('status --ansible of a job whose agent disappeared', () => {
  const vanished = (log?: TryLog) => ({
    state: 'failed' as const,
    enqueuedAt: AT,
    tries: [{ key: 'k', instance: 'i-0a', startedAt: AT, ...(log && { log }) }],
  });

  it('has the output in the bucket that the record does not list', async () => {
    await bare.object(chunkKey('j-noted', 'k', 'stdout', 1), 'noted\n');
    await bare.object(chunkKey('j-noted', 'k', 'stdout', 2), 'written\n');
    await bare.object(chunkKey('j-noted', 'k', 'stderr', 1), 'too\n');
    await bare.record({
      id: 'j-noted',
      ...vanished({ stdout: { bytes: 6, chunks: 1 }, stderr: { bytes: 0 }, tail: 'noted\n' }),
    });
    expect(json((await bare.mayfly('status', '--ansible', 'j-noted')).stdout)).toMatchObject({
      stdout: 'noted\nwritten',
      stderr: 'too',
    });
  });

  it('has the output in the record, or only in the bucket', async () => {
    await bare.record({
      id: 'j-short',
      ...vanished({ stdout: { bytes: 3, text: 'so\n' }, stderr: { bytes: 0 } }),
    });
    await bare.record({
      id: 'j-moved',
      ...vanished({ stdout: { bytes: 3, text: 'so\n' }, stderr: { bytes: 0 } }),
    });
    await bare.object(chunkKey('j-moved', 'k', 'stdout', 1), 'so\nfar\n');
    await bare.record({ id: 'j-unsaid', ...vanished() });
    await bare.object(chunkKey('j-unsaid', 'k', 'stdout', 1), 'x'.repeat(65_000));
    await bare.object(chunkKey('j-unsaid', 'k', 'stdout', 2), 'y'.repeat(1000));
    const { stdout } = await bare.mayfly('status', '--ansible', 'j-short', 'j-moved', 'j-unsaid');
    expect(json(stdout)).toMatchObject([
      { stdout: 'so' },
      { stdout: 'so\nfar' },
      { stdout: 'x'.repeat(64_536) + 'y'.repeat(1000), truncated: true },
    ]);
    expect(json(stdout)[1]).not.toHaveProperty('truncated');
  });

  it('has as much of the output as --max-output says', async () => {
    await bare.object(chunkKey('j-whole', 'k', 'stdout', 1), 'x'.repeat(65_000));
    await bare.object(chunkKey('j-whole', 'k', 'stdout', 2), 'y'.repeat(1000));
    await bare.record({ id: 'j-whole', ...vanished() });
    const asked = async (bytes: number) =>
      json((await bare.mayfly('status', '--ansible', '--max-output', `${bytes}`, 'j-whole')).stdout);
    expect(await asked(3)).toMatchObject({ stdout: 'yyy', truncated: true });
    expect(await asked(0)).toMatchObject({ stdout: '', stdout_lines: [], truncated: true });
    const all = await asked(66_000);
    expect(all.stdout).toBe('x'.repeat(65_000) + 'y'.repeat(1000));
    expect(all).not.toHaveProperty('truncated');
  });
});

describe('wait --progress json', () => {
  it('prints a line of JSON on stderr for each check, and no other progress', async () => {
    const progressLines = (stderr: unknown) =>
      String(stderr)
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map(json);
    let checks = 0;
    const stop = bare.cloud.onCall(({ action }) => {
      if (action === 'BatchGetItem') checks += 1;
    });
    const { stdout, stderr, exitCode } = await bare.mayfly(
      ...['wait', '--json', '--progress', 'json', '--timeout', '0.5', '--poll', '0.1'],
      ...['j-good', 'j-bad', 'j-queued'],
    );
    stop();
    expect(exitCode).toBe(123);
    expect(json(stdout)).toHaveLength(3);
    const printed = progressLines(stderr);
    expect(printed).toHaveLength(checks);
    for (const line of printed) {
      expect(line).toEqual({
        ...{ waitedSeconds: expect.any(Number), total: 3 },
        ...{ ended: 2, failed: 1, running: 0, retrying: 0 },
      });
    }
    expect(printed.at(-1).waitedSeconds).toBeGreaterThanOrEqual(0.5);
    expect(String(stderr).replaceAll(/^\{.*\n/gm, '')).toBe(
      'mayfly: 1 job had not ended after 0.5 s of waiting.',
    );
    const one = progressLines((await bare.mayfly('wait', '--progress', 'json', 'j-good')).stderr);
    expect(one).toMatchObject([{ total: 1, ended: 1, failed: 0 }]);
  });
});

describe('wait exits as the job did', () => {
  it.each([
    ['j-good', 0],
    ['j-bad', 3],
    ['j-late', 124],
    ['j-none', 120],
  ])('%s: %d', async (id, status) => {
    expect((await bare.mayfly('wait', id)).exitCode).toBe(status);
  });

  it('gives up after its timeout, or its retries, and says so', async () => {
    const timeout = await bare.mayfly('wait', '--timeout', '0.3', 'j-queued', 'j-good');
    // On a slow machine there are lines of progress before.
    expect(String(timeout.stderr).split('\n').at(-1)).toBe(
      'mayfly: 1 job had not ended after 0.3 s of waiting.',
    );
    expect(timeout.exitCode).toBe(123);
    const retries = await bare.mayfly('wait', '--retries', '2', '--delay', '0.1', '--json', 'j-queued');
    expect(json(retries.stdout)).toMatchObject({ id: 'j-queued', state: 'queued' });
    expect(retries.exitCode).toBe(123);
  });

  it('stopped by Ctrl-C says that the job continues and what can be done, and exits with 130', async () => {
    const pty = onTerminal(`${MAYFLY} wait j-queued`, { cwd: bare.directory, env: bare.env });
    await pty.shows('not running yet');
    pty.type('\x03');
    await pty.shows(
      /Job j-queued continues: .*mayfly status j-queued.*mayfly logs -f.*mayfly cancel j-queued/s,
    );
    expect(await pty.ended()).toBe(130);
  });

  it('says how often a job was tried that waits for its next try', async () => {
    const tries = [{ key: 'k', instance: 'i-1', startedAt: '2026-01-01T00:00:01.000Z', exitStatus: 7 }];
    const enqueuedAt = new Date(Date.now() - 2 * 3_600_000).toISOString();
    await bare.record({ id: 'j-again', state: 'queued', enqueuedAt, tries, startedAt: enqueuedAt });
    expect((await bare.mayfly('status', 'j-again')).stdout).toContain(', waited 0 s');
    const pty = onTerminal(`${MAYFLY} wait --timeout 60 j-again`, { cwd: bare.directory, env: bare.env });
    await pty.shows('to be tried again; tried 1 time so far');
    pty.type('\x03');
    expect(await pty.ended()).toBe(130);
  });

  it('shows counts for many jobs, and those that did not succeed', async () => {
    const { stdout, exitCode } = await bare.mayflyReading(`${'j-good\n'.repeat(11)}j-bad`, 'wait', '-');
    expect(stdout).toMatch(
      /^12 jobs: 11 succeeded, 1 failed\n\nid +state +why\nj-bad +failed +exit status 3/,
    );
    expect(exitCode).toBe(3);
  });
});

describe('list', () => {
  it('prints a table, the newest first', async () => {
    const { stdout } = await bare.mayfly('list', '--state', 'timed_out,cancelled');
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ['id', 'state', 'enqueued'],
      ['j-stopped', 'cancelled', '2026-01-02T03:04:03Z'],
      ['j-late', 'timed_out', '2026-01-02T03:04:03Z'],
    ]);
  });

  it('filters jobs, and prints a JSON array', async () => {
    const ids = async (...args: string[]) =>
      json((await bare.mayfly('list', '--json', ...args)).stdout).map(({ id }: { id: string }) => id);
    expect(await ids('--since', '1h')).toEqual(['j-queued']);
    expect(await ids('--state', 'lost')).toEqual(['j-forgotten']);
    expect(await ids('--limit', '1')).toEqual(['j-queued']);
    expect(await ids('--label', 'none')).toEqual([]);
  });
});

it.each([
  [['status'], 120, { id: 'j-none', state: 'unknown' }],
  [['wait'], 120, { id: 'j-none', state: 'unknown' }],
  [['cancel'], 120, { id: 'j-none', outcome: 'unknown' }],
  [['retry'], 120, { retryOf: 'j-none', outcome: 'unknown' }],
  [['cleanup'], 120, { id: 'j-none', outcome: 'unknown' }],
  [['dlq', 'show'], 1, { id: 'j-none', outcome: 'missing' }],
  [['dlq', 'redrive'], 1, { id: 'j-none', outcome: 'missing' }],
])('%j --json prints JSON for an unknown id too', async (args, exitCode, document) => {
  const result = await bare.mayfly(...args, '--json', 'j-none');
  expect(json(result.stdout)).toMatchObject(document);
  expect(result).toMatchObject({ exitCode, stderr: expect.stringMatching(/^mayfly: .*j-none/m) });
});

describe('the verbs that change jobs', () => {
  it('cancel: a queued job never starts; it can be repeated; a job that has ended is not changed', async () => {
    const { record, mayfly } = await open();
    await record({ id: 'j-c1', state: 'queued', enqueuedAt: new Date().toISOString() });
    await record(ended('j-c2', 'succeeded', { exitStatus: 0 }));
    expect(await mayfly('cancel', 'j-c1')).toMatchObject({
      exitCode: 0,
      stdout: 'j-c1 is cancelled: it never starts.',
    });
    expect(await mayfly('cancel', 'j-c1')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('j-c1 had ended already: cancelled'),
    });
    const late = await mayfly('cancel', '--json', 'j-c2', 'j-none');
    expect(json(late.stdout)).toMatchObject([
      { id: 'j-c2', outcome: 'ended' },
      { id: 'j-none', outcome: 'unknown' },
    ]);
    expect(late.exitCode).toBe(120);
    expect((await mayfly('cancel', 'j-c2')).exitCode).toBe(1);
  });

  it('retry: makes a new job that names the old one', async () => {
    const { record, mayfly } = await open();
    await record(ended('j-r1', 'failed', { exitStatus: 1, body: 'again' }));
    await record(ended('j-r2', 'failed', { exitStatus: 1 }));
    await record({ id: 'j-r3', state: 'running' });
    const { stdout, exitCode } = await mayfly('retry', 'j-r1');
    expect(exitCode).toBe(0);
    expect(json((await mayfly('status', '--json', stdout)).stdout)).toMatchObject({
      retryOf: 'j-r1',
      state: 'queued',
    });
    expect(json((await mayfly('status', '--json', 'j-r1')).stdout)).toMatchObject({ retriedAs: stdout });
    const refused = await mayfly('retry', '--json', 'j-r2', 'j-r3', 'j-r1');
    expect(json(refused.stdout)).toEqual([
      { retryOf: 'j-r2', outcome: 'refused', why: expect.stringContaining('not stored any more') },
      { retryOf: 'j-r3', outcome: 'live', why: expect.stringContaining('is running') },
      { id: expect.stringMatching(/^j-/), retryOf: 'j-r1', outcome: 'retried' },
    ]);
    expect(refused.stderr).toMatch(
      /^mayfly: The body of job j-r2 is not stored any more.*\nmayfly: Job j-r3 is running/,
    );
    expect(refused.exitCode).toBe(1);
    expect(await mayfly('retry', 'j-none')).toMatchObject({ exitCode: 120, stdout: '' });
    const unknown = await mayfly('retry', '--json', 'j-none');
    expect(json(unknown.stdout)).toEqual({
      retryOf: 'j-none',
      outcome: 'unknown',
      why: expect.stringContaining('There is no job j-none'),
    });
    expect(unknown.exitCode).toBe(120);
  });

  it('cleanup: removes the record although the log bucket is gone, and says so', async () => {
    const { record, mayfly, cloud, fleet } = await open();
    const Value = JSON.stringify({ ...fleet.facts, fleet: 'Shop/Mail', logBucket: 'another' });
    await cloud.call('ssm', 'PutParameter', { Name: '/mayfly/Shop/Mail', Type: 'String', Value });
    const endedAt = '2020-01-01T00:00:00.000Z';
    for (const id of ['j-d6', 'j-d7']) await record(ended(id, 'succeeded', { exitStatus: 0, endedAt }));
    expect(await mayfly('cleanup', '--stack', 'Shop', 'j-d6')).toMatchObject({
      stdout: 'j-d6 is removed. The log bucket another does not exist any more, nor does what was in it.',
      exitCode: 0,
    });
    expect(await mayfly('cleanup', '--stack', 'Shop', '--ended-before', '400d')).toMatchObject({
      stdout: expect.stringMatching(
        /^\d+ jobs? removed, with 0 objects of the log bucket\. The log bucket another does not exist any more, nor does what was in it\.$/,
      ),
      exitCode: 0,
    });
    expect((await mayfly('status', 'j-d6', 'j-d7')).exitCode).toBe(120);
  });

  it('cleanup --dry-run: shows what would be removed, and removes nothing', async () => {
    const { record, mayfly, fleet } = await open();
    await record(ended('j-dry1', 'succeeded', { exitStatus: 0, endedAt: '2019-01-01T00:00:00.000Z' }));
    await record({ id: 'j-dry2', state: 'queued', enqueuedAt: new Date().toISOString() });
    expect(await mayfly('cleanup', '--dry-run', 'j-dry1', 'j-dry2')).toMatchObject({
      stdout: 'j-dry1 would be removed.',
      stderr: expect.stringMatching(/^mayfly: Job j-dry2 has not ended/),
      exitCode: 1,
    });
    expect(await mayfly('cleanup', '--dry-run', '--force', '--json', 'j-dry2')).toMatchObject({
      stdout: JSON.stringify({ id: 'j-dry2', outcome: 'removed', objects: 0 }, undefined, 2),
      exitCode: 0,
    });
    expect(await mayfly('cleanup', '--dry-run', '--ended-before', '1000d')).toMatchObject({
      stdout: 'j-dry1',
      stderr: 'mayfly: 1 job would be removed; nothing was changed.',
      exitCode: 0,
    });
    expect(json((await mayfly('cleanup', '--dry-run', '--ended-before', '1000d', '--json')).stdout)).toEqual({
      jobs: 1,
      ids: ['j-dry1'],
    });
    expect(await fleet.status(['j-dry1', 'j-dry2'])).toMatchObject([
      { state: 'succeeded' },
      { state: 'queued' },
    ]);
    await fleet.cleanup(['j-dry1']);
  });

  it('cleanup --ended-before: asks on a terminal, and removes nothing after a no', async () => {
    const { record, directory, env, fleet } = await open();
    await record(ended('j-ask', 'succeeded', { exitStatus: 0, endedAt: '2019-01-01T00:00:00.000Z' }));
    const asked = (...args: string[]) => {
      const bin = resolve(import.meta.dirname, '../../../../bin/mayfly.js');
      const line = [process.execPath, bin, 'cleanup', '--ended-before', '1000d', ...args].join(' ');
      return onTerminal(line, { cwd: directory, env, columns: 120 });
    };
    const question = /Remove records, logs and bodies of 1 job that ended before \S+Z\? \[y\/N\]/;
    const no = asked();
    await no.shows(question);
    no.type('n\r');
    await no.shows('Nothing was removed.');
    expect(await no.ended()).toBe(1);
    expect(await fleet.status('j-ask')).toMatchObject({ state: 'succeeded' });
    const yes = asked();
    await yes.shows(question);
    yes.type('y\r');
    await yes.shows('1 job removed, with 0 objects of the log bucket.');
    expect(await yes.ended()).toBe(0);
    const none = asked('--json', '>', 'none.json');
    await none.shows(/No job ended before \S+Z\./);
    expect(await none.ended()).toBe(0);
    expect(json(await readFile(join(directory, 'none.json'), 'utf8'))).toEqual({ jobs: 0, objects: 0 });
    await record(ended('j-ask', 'succeeded', { exitStatus: 0, endedAt: '2019-01-01T00:00:00.000Z' }));
    const unasked = asked('--yes');
    await unasked.shows('1 job removed, with 0 objects of the log bucket.');
    expect(await unasked.ended()).toBe(0);
  });

  it('cleanup: refuses a job that has not ended, and removes one that has', async () => {
    const { record, mayfly, object, cloud } = await open();
    await record(ended('j-d1', 'succeeded', { exitStatus: 0 }));
    await object(chunkKey('j-d1', 'k', 'stdout', 1), 'x');
    await record({ id: 'j-d2', state: 'queued', enqueuedAt: new Date().toISOString() });
    const { stdout, stderr, exitCode } = await mayfly('cleanup', 'j-d1', 'j-d2');
    expect(stdout).toBe('j-d1 is removed, with 1 object of the log bucket.');
    expect(stderr).toMatch(/^mayfly: Job j-d2 has not ended, so it was not removed/);
    expect(exitCode).toBe(1);
    expect(json((await mayfly('cleanup', '--json', '--force', 'j-d2')).stdout)).toEqual({
      id: 'j-d2',
      outcome: 'removed',
      objects: 0,
    });
    expect((await mayfly('status', 'j-d1', 'j-d2')).exitCode).toBe(120);
    expect((await mayfly('cleanup', 'j-d1')).exitCode).toBe(120);
    await record(ended('j-d4', 'succeeded', { exitStatus: 0 }));
    expect(await mayfly('cleanup', '--log-bucket', 'another', 'j-d4')).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(
        /^mayfly: The log of job j-d4 could not be removed, so its record stays\..* log bucket another .* is gone, or not/,
      ),
      exitCode: 1,
    });
    await record(ended('j-d5', 'succeeded', { exitStatus: 0 }));
    const denied = { kind: 'error', code: 'AccessDenied', message: 'no', status: 403 } as const;
    const fault = cloud.faults.add({ service: 's3', action: 'ListObjectsV2', effect: denied });
    expect(await mayfly('cleanup', 'j-d5')).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(
        /^mayfly: The log of job j-d5 could not be removed, so its record stays\. AWS does not let/,
      ),
      exitCode: 1,
    });
    fault.remove();
    await record(ended('j-d3', 'succeeded', { exitStatus: 0, endedAt: '2020-01-01T00:00:00.000Z' }));
    expect(json((await mayfly('cleanup', '--ended-before', '400d', '--json')).stdout)).toMatchObject({
      jobs: 1,
    });
  });
});
