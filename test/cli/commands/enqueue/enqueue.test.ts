import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { type BareFleet, bareFleets } from '../../../support/bare-fleet.ts';
import { eventually } from '../../../support/eventually.ts';
import { onTerminal } from '../../../support/pty.ts';

const open = bareFleets();
const ID = /^j-[a-z0-9]{12}$/;
const BIN = join(import.meta.dirname, '../../../../bin/mayfly.js');

const JOBS = Array.from({ length: 1000 }, (_, number) => `job ${number + 1}`);

interface Message {
  id: string;
  payload: unknown;
  limitSeconds?: number;
}

/** All messages that are on the queue, in the order in which their ids were printed. */
async function messages({ fleet }: BareFleet, printed: readonly string[] = []): Promise<Message[]> {
  const { clients, facts } = fleet.context;
  const all: Message[] = [];
  for (;;) {
    const { Messages = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: facts.queueUrl, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) break;
    for (const { Body = '' } of Messages) all.push(JSON.parse(Body) as Message);
  }
  const placeOf = new Map(printed.map((id, place) => [id, place]));
  return all.sort((a, b) => (placeOf.get(a.id) ?? 0) - (placeOf.get(b.id) ?? 0));
}

const lines = (text: unknown) => String(text).split('\n').filter(Boolean);
/** Standard error without the progress lines, which appear only if sending takes long. */
const withoutProgress = (text: unknown) =>
  lines(text)
    .filter((line) => !/^\d+ of \d+ jobs sent$/.test(line))
    .join('\n');
const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

describe('one job', () => {
  it('is on the queue and has a record, under the id that is printed', async () => {
    const bare = await open();
    const { stdout, stderr, exitCode } = await bare.mayfly('enqueue', '--async', '600', 'report-2031');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(ID);
    expect(await messages(bare)).toEqual([
      { mayfly: 1, id: stdout, payload: 'report-2031', limitSeconds: 600 },
    ]);
    const status = await bare.mayfly('status', '--json', String(stdout));
    expect(JSON.parse(String(status.stdout))).toMatchObject({
      id: stdout,
      state: 'queued',
      limitSeconds: 600,
    });
  });

  it('is enqueued once when its dedupe key is used twice', async () => {
    const bare = await open();
    const first = await bare.mayfly('enqueue', '--dedupe', `night ${bare.directory}`, '--json', 'x');
    const second = await bare.mayfly('enqueue', '--dedupe', `night ${bare.directory}`, '--json', 'x');
    const { id, deduplicated } = JSON.parse(String(first.stdout));
    expect({ id, deduplicated }).toEqual({
      id: expect.stringMatching(/^d-[a-z2-7]{24}$/),
      deduplicated: false,
    });
    expect(JSON.parse(String(second.stdout))).toEqual({ id, deduplicated: true });
  });

  it('can have a whole file, or all of standard input, as its body', async () => {
    const bare = await open();
    await writeFile(join(bare.directory, 'order.xml'), '<order>\n</order>\n');
    await bare.mayfly('enqueue', '--file', 'order.xml', '--whole');
    await bare.mayflyReading('a\nb\n', 'enqueue', '-', '--whole');
    const payloads = (await messages(bare)).map(({ payload }) => payload);
    expect(payloads.toSorted()).toEqual(['<order>\n</order>\n', 'a\nb\n']);
  });

  it('has its label, and is not visible before its delay', async () => {
    const bare = await open();
    const { stdout } = await bare.mayfly('enqueue', '--delay', '900', '--label', 'eu', 'x');
    expect(await messages(bare)).toEqual([]);
    expect(await bare.fleet.status(stdout)).toMatchObject({ state: 'queued', label: 'eu' });
  });

  it('can have a body that begins with - after --', async () => {
    const bare = await open();
    await bare.mayfly('enqueue', '--', '--verbose');
    expect(await messages(bare)).toMatchObject([{ payload: '--verbose' }]);
  });

  it('is refused if its body is not UTF-8, from a file or from the command line', async () => {
    const bare = await open();
    await writeFile(join(bare.directory, 'latin1'), Buffer.from('Gr\xfcn', 'latin1'));
    const whole = await bare.mayfly('enqueue', '--file', 'latin1', '--whole');
    expect(whole).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^mayfly: latin1: The body is not UTF-8: byte 2 is 0xfc\./),
    });
    // Node.js cannot pass such an argument to a process. A shell can.
    const script = `exec "$0" "$1" enqueue "$(printf 'Gr\\374n')"`;
    const argument = await execa('sh', ['-c', script, process.execPath, BIN], {
      env: bare.env,
      extendEnv: false,
      reject: false,
    });
    expect(argument).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('The body is not UTF-8') });
    expect(await messages(bare)).toEqual([]);
  });
});

describe('a file of jobs', () => {
  it('is enqueued as a job for each line, and the ids are printed in its order', async () => {
    const bare = await open();
    await writeFile(join(bare.directory, 'jobs.txt'), 'one\n\ntwo\nthree\n');
    const { stdout, stderr } = await bare.mayfly('enqueue', '--file', 'jobs.txt', '--async', '9');
    expect(stderr).toBe('');
    const sent = await messages(bare, lines(stdout));
    expect(sent.map(({ payload, limitSeconds }) => [payload, limitSeconds])).toEqual([
      ['one', 9],
      ['two', 9],
      ['three', 9],
    ]);
    expect(lines(stdout)).toEqual(sent.map(({ id }) => id));
    expect(await isThere(join(bare.directory, 'jobs.txt.mayfly'))).toBe(false);
  });

  it('can have JSON lines with options, and prints JSON lines', async () => {
    const bare = await open();
    const key = bare.directory;
    const input = [
      '{"body": {"order": 9007199254740993, "2": 1.0}, "async": 5}',
      '',
      `{"body": "x", "dedupe": "${key}"}`,
      `{"body": "x", "dedupe": "${key}"}`,
    ].join('\n');
    const { stdout } = await bare.mayflyReading(
      input,
      'enqueue',
      '--json-lines',
      '--json',
      '--async',
      '7',
      '-',
    );
    const printed = lines(stdout).map((line) => JSON.parse(line));
    expect(printed.map(({ line, deduplicated }) => [line, deduplicated])).toEqual([
      [1, false],
      [3, false],
      [4, true],
    ]);
    expect(printed[1].id).toBe(printed[2].id);
    const sent = await messages(bare);
    expect(sent.find(({ id }) => id === printed[0].id)).toMatchObject({
      payload: '{"order": 9007199254740993, "2": 1.0}',
      limitSeconds: 5,
    });
    expect(sent.find(({ id }) => id === printed[1].id)).toMatchObject({ payload: 'x', limitSeconds: 7 });
  });

  it('is not sent at all if a line is bad', async () => {
    const bare = await open();
    const bad = Buffer.concat([Buffer.from('one\ntwo\n'), Buffer.from([0xff, 0x0a])]);
    await writeFile(join(bare.directory, 'jobs.txt'), bad);
    const { stdout, stderr, exitCode } = await bare.mayfly('enqueue', '--file', 'jobs.txt');
    expect(stderr).toMatch(/^mayfly: Line 3 of jobs\.txt is not UTF-8: the byte 0xff follows ""\./);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
    expect(await messages(bare)).toEqual([]);
    expect(await isThere(join(bare.directory, 'jobs.txt.mayfly'))).toBe(false);
  });

  it('is not sent at all if the fleet would refuse a line, however far down', async () => {
    const bare = await open();
    const good = JOBS.map((body) => JSON.stringify({ body }));
    const bad = ['{"body": 1, "async": 46800}', '{"body": 2, "label": "a\\nb"}'];
    await writeFile(join(bare.directory, 'jobs.jsonl'), [...good, ...bad].join('\n'));
    const { stdout, stderr, exitCode } = await bare.mayfly('enqueue', '--json-lines', '--file', 'jobs.jsonl');
    expect(stderr).toMatch(/^mayfly: 2 lines of jobs\.jsonl cannot be enqueued\. Nothing was sent\.\n/);
    expect(stderr).toMatch(/Line 1001 of jobs\.jsonl: The job's time limit is 46800 s;/);
    expect(stderr).toMatch(/Line 1002 of jobs\.jsonl: The job was not enqueued: .*label/);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
    expect(await messages(bare)).toEqual([]);
    expect(await isThere(join(bare.directory, 'jobs.jsonl.mayfly'))).toBe(false);
  });

  it('can be a pipe, which can be read only once', async () => {
    const bare = await open();
    const command = `${process.execPath} ${BIN} enqueue --file /dev/stdin`;
    const { stdout, stderr, exitCode } = await execa('sh', ['-c', `printf 'one\\ntwo\\n' | ${command}`], {
      cwd: bare.directory,
      env: bare.env,
      extendEnv: false,
      reject: false,
    });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const sent = await messages(bare, lines(stdout));
    expect(sent.map(({ payload }) => payload)).toEqual(['one', 'two']);
  });

  it('can be empty', async () => {
    const bare = await open();
    expect(await bare.mayflyReading('\n\n', 'enqueue', '-')).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: 'mayfly: standard input contains no jobs: it is empty.',
    });
  });
});

/** SQS answers that the queue does not exist. */
const gone = {
  service: 'sqs',
  action: 'SendMessageBatch',
  effect: { kind: 'error', code: 'QueueDoesNotExist', status: 400 } as const,
};

describe('an interrupted run', () => {
  it('says exactly what was sent, and the same command sends the rest', async () => {
    const bare = await open();
    await writeFile(join(bare.directory, 'jobs.txt'), JOBS.join('\n'));
    const when = (input: Record<string, unknown>) => JSON.stringify(input).includes('job 342');
    const fault = bare.cloud.faults.add({ ...gone, when });
    const first = await bare.mayfly('enqueue', '--file', 'jobs.txt');
    fault.remove();
    expect(first.exitCode).toBe(1);
    const sentence = /^mayfly: (\d+) of the 1000 jobs of jobs\.txt were sent \(lines 1 to 3\d\d/m;
    const count = Number(sentence.exec(String(first.stderr))?.[1]);
    expect(first.stderr).toMatch(
      /The queue .* is gone.* The same command sends the rest: `mayfly enqueue --file jobs\.txt`\. .*jobs\.txt\.mayfly/,
    );
    expect(lines(first.stdout)).toHaveLength(count);

    const second = await bare.mayfly('enqueue', '--file', 'jobs.txt');
    expect([second.exitCode, withoutProgress(second.stderr)]).toEqual([0, '']);
    const sent = await messages(bare, lines(second.stdout));
    expect(sent.map(({ payload }) => payload)).toEqual(JOBS);
    expect(lines(second.stdout)).toEqual(sent.map(({ id }) => id));
    expect(lines(second.stdout)).toEqual(expect.arrayContaining(lines(first.stdout)));
    expect(await isThere(join(bare.directory, 'jobs.txt.mayfly'))).toBe(false);
  });

  it('that was killed is continued by the same command, and makes no job twice', async () => {
    const bare = await open();
    await writeFile(join(bare.directory, 'jobs.txt'), JOBS.join('\n'));
    const journal = join(bare.directory, 'jobs.txt.mayfly');
    bare.cloud.faults.add({
      service: 'sqs',
      action: 'SendMessageBatch',
      effect: { kind: 'latency', ms: 500 },
    });
    const first = bare.mayfly('enqueue', '--file', 'jobs.txt');
    await eventually('some of the jobs to be sent', async () =>
      (await readFile(journal, 'utf8').catch(() => '')).includes('"sent"'),
    );
    first.kill('SIGKILL');
    const printed = lines((await first).stdout);
    bare.cloud.faults.clear();
    expect(printed.length).toBeLessThan(JOBS.length);

    const second = await bare.mayfly('enqueue', '--file', 'jobs.txt');
    expect([second.exitCode, withoutProgress(second.stderr)]).toEqual([0, '']);
    const ids = lines(second.stdout);
    const sent = await messages(bare, ids);
    // A message may be there twice, with one id.
    expect([...new Map(sent.map(({ id, payload }) => [id, payload])).values()]).toEqual(JOBS);
    expect(new Set(sent.map(({ id }) => id))).toEqual(new Set(ids));
    expect(ids).toHaveLength(JOBS.length);
    expect(ids.slice(0, printed.length)).toEqual(printed);
  });

  it('of standard input keeps the input in a file, and says how to send the rest', async () => {
    const bare = await open();
    const when = (input: Record<string, unknown>) => JSON.stringify(input).includes('job 342');
    const fault = bare.cloud.faults.add({ ...gone, when });
    const input = JOBS.map((body) => JSON.stringify({ body })).join('\n');
    const flags = ['--async', '60', '--label', 'nightly', '--json-lines', '--region', bare.cloud.region];
    const first = await bare.mayflyReading(input, 'enqueue', ...flags, '-');
    fault.remove();
    expect(first.exitCode).toBe(1);
    const [, command = '', rest = ''] =
      /`mayfly (enqueue .* --file (mayfly-rest-_[a-z0-9]+\.jsonl))` sends the rest/.exec(
        String(first.stderr),
      ) ?? [];
    expect(command).toBe(
      `enqueue --async 60 --label nightly --json-lines --region ${bare.cloud.region} --file ${rest}`,
    );
    expect(first.stderr).toContain(`What was sent is in ${rest}.mayfly;`);
    expect(await readFile(join(bare.directory, `${rest}.mayfly`), 'utf8')).toContain('"sent"');
    // The command as a user would paste it.
    const second = await execa('sh', ['-c', `${process.execPath} ${BIN} ${command}`], {
      cwd: bare.directory,
      env: bare.env,
      extendEnv: false,
      reject: false,
    });
    expect([second.exitCode, withoutProgress(second.stderr)]).toEqual([0, '']);
    const sent = await messages(bare, lines(second.stdout));
    expect(sent.map(({ payload }) => payload)).toEqual(JOBS);
  });

  it('of a file that was changed in between sends only what was not sent', async () => {
    const bare = await open();
    const path = join(bare.directory, 'jobs.txt');
    await writeFile(path, [...JOBS, 'same', 'same'].join('\n'));
    const when = (input: Record<string, unknown>) => JSON.stringify(input).includes('job 342');
    const fault = bare.cloud.faults.add({ ...gone, when });
    const first = await bare.mayfly('enqueue', '--file', 'jobs.txt');
    fault.remove();
    const before = lines(first.stdout);
    // A line that was sent is removed, one that was not is changed and moved to the top, and one is added.
    const changed = ['changed', ...JOBS.slice(1, 999), 'same', 'same', 'added'];
    await writeFile(path, changed.join('\n'));
    const second = await bare.mayfly('enqueue', '--file', 'jobs.txt');
    expect(withoutProgress(second.stderr)).toBe(
      `mayfly: jobs.txt was changed since an earlier run sent ${before.length} jobs of it. It still contains ` +
        `${before.length - 1} of them. Its other ${changed.length - before.length + 1} jobs are sent now.`,
    );
    expect(second.exitCode).toBe(0);
    const sent = await messages(bare);
    const bodies = sent.map(({ payload }) => payload);
    expect(bodies.toSorted()).toEqual(['job 1', ...changed].toSorted());
    expect(lines(second.stdout)).toEqual(expect.arrayContaining(before.slice(1)));
    expect(lines(second.stdout)).toHaveLength(changed.length);
    expect(await isThere(`${path}.mayfly`)).toBe(false);
  });

  it('that is stopped by Ctrl-C says what was sent, removes its bar, and exits with 130', async () => {
    const bare = await open();
    await writeFile(join(bare.directory, 'jobs.txt'), JOBS.join('\n'));
    bare.cloud.faults.add({
      service: 'sqs',
      action: 'SendMessageBatch',
      effect: { kind: 'latency', ms: 500 },
    });
    const pty = onTerminal(`${process.execPath} ${BIN} enqueue --file jobs.txt > ids.txt`, {
      cwd: bare.directory,
      env: bare.env,
    });
    await pty.shows(/[1-9]\d* of 1000 jobs sent/);
    expect(pty.screen()).toContain('█');
    pty.type('\x03');
    await pty.shows(/mayfly: \d+ of the 1000 jobs of jobs\.txt were sent .* stopped by Ctrl-C\. The same/s);
    expect(await pty.ended()).toBe(130);
    const ids = lines(await readFile(join(bare.directory, 'ids.txt'), 'utf8'));
    expect(ids.length).toBeGreaterThan(0);
    bare.cloud.faults.clear();
    const second = await bare.mayfly('enqueue', '--file', 'jobs.txt');
    expect(second.exitCode).toBe(0);
    const sent = await messages(bare, lines(second.stdout));
    expect(sent.map(({ payload }) => payload)).toEqual(JOBS);
  });
});
