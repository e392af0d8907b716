import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { rangesOf } from '../../../../cli/commands/enqueue/send-jobs.ts';
import { checkJobs, type JobsFile, type LineJob, readJobs } from '../../../../cli/commands/enqueue/jobs-file.ts';
import { openJournal } from '../../../../cli/commands/enqueue/sent-journal.ts';
import { json } from '../../../support/json-texts.ts';

const directory = mkdtempSync(join(tmpdir(), 'mayfly-jobs-file-'));
afterAll(() => rmSync(directory, { recursive: true }));

const path = join(directory, 'jobs.txt');
const file = (content: string | Uint8Array, jsonLines = false) => {
  writeFileSync(path, content);
  return { path, name: 'jobs.txt', jsonLines };
};

async function jobsOf(content: string | Uint8Array, jsonLines = false): Promise<Omit<LineJob, 'key'>[]> {
  const jobs: Omit<LineJob, 'key'>[] = [];
  for await (const { key: _, ...job } of readJobs(file(content, jsonLines))) jobs.push(job);
  return jobs;
}

async function keysOf(content: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of readJobs(file(content))) keys.push(key);
  return keys;
}

/** Of a fleet that takes every job. */
const check = (jobs: JobsFile) => checkJobs(jobs, () => undefined);

describe('a file of lines', () => {
  it.each([
    ['a line each, as it is', ' one\ntwo  \n', [' one', 'two  ']],
    ['without a newline at the end', 'one\ntwo', ['one', 'two']],
    ["with another system's newlines", 'one\r\ntwo\r\n', ['one', 'two']],
    ['without empty lines', 'one\n\n  \ntwo\n\n', ['one', 'two']],
    ['of nothing', '', []],
  ])('%s', async (_what, content, bodies) => {
    expect((await jobsOf(content)).map(({ body }) => body)).toEqual(bodies);
  });

  it('knows the numbers of its lines', async () => {
    expect((await jobsOf('one\n\ntwo')).map(({ line }) => line)).toEqual([1, 3]);
  });

  it('reads lines of any length, wherever the pieces of the file end', async () => {
    const lines = [1, 65_535, 65_536, 65_537, 200_000].map((length) => 'ü'.repeat(length));
    expect((await jobsOf(lines.join('\n'))).map(({ body }) => body)).toEqual(lines);
  });

  it.each([
    ['is no part of the first body', '\ufeffone\ntwo', ['one', 'two']],
    ['makes no job of an empty file', '\ufeff', []],
    ['stays where it is not the first thing', 'one\n\ufefftwo', ['one', '\ufefftwo']],
    ['is one, not all that there are', '\ufeff\ufeffone', ['\ufeffone']],
  ])('a byte order mark %s', async (_what, content, bodies) => {
    expect((await jobsOf(content)).map(({ body }) => body)).toEqual(bodies);
  });

  it('says which line is not UTF-8, and where', async () => {
    const content = Buffer.concat([Buffer.from('good\nGr'), Buffer.from([0xfc]), Buffer.from('n\n')]);
    await expect(check(file(content))).rejects.toThrow(
      'Line 2 of jobs.txt is not UTF-8: after "Gr" comes the byte 0xfc.',
    );
  });

  it('that is not there is a sentence', async () => {
    const gone = { path: join(directory, 'gone'), name: 'gone', jsonLines: false };
    await expect(check(gone)).rejects.toThrow(/^gone cannot be read \(ENOENT/);
  });

  it('names its lines by what is in them, wherever they are, and tells equal ones apart', async () => {
    const [one = '', two = '', again = ''] = await keysOf('one\ntwo\none');
    expect(new Set([one, two, again]).size).toBe(3);
    expect(again).toBe(`${one}.2`);
    expect(await keysOf('\ufefftwo\r\n\none')).toEqual([two, one]);
  });

  it('that has several bad lines names each, up to ten, and those that cannot be sent beside those that cannot be read', async () => {
    const lines = ['{"body": 1}', 'x', '{"body": 2, "async": 0}', '{"body": 3, "delay": 7}'];
    const seven = ({ delay }: LineJob) => (delay === 7 ? 'seven is not allowed.' : undefined);
    await expect(checkJobs(file(lines.join('\n'), true), seven)).rejects.toThrow(
      /^3 lines of jobs\.txt are no jobs that can be sent\. Nothing was sent\.\n {2}Line 2 of jobs\.txt is no JSON object.*\n {2}Line 3 of jobs\.txt: its async is 0; .*\n {2}Line 4 of jobs\.txt: seven is not allowed\.$/,
    );
    const all = check(file('x\n'.repeat(12), true));
    await expect(all).rejects.toThrow(/^12 lines of (.*\n){10} {2}Line 10 .*\n {2}and 2 lines more\.$/);
  });

  it('has a hash of its bytes and a number of jobs', async () => {
    const { sha256, jobs } = await check(file('one\n\ntwo'));
    expect(jobs).toBe(2);
    expect(sha256).not.toBe((await check(file('one\ntwo'))).sha256);
  });
});

describe('JSON lines', () => {
  it('have a body of any kind, and options', async () => {
    const content = [
      '{"body": "text"}',
      '{"body": {"a": 1}, "async": 5, "delay": 0, "dedupe": "k", "label": "l"}',
      '{"body": null}',
    ].join('\n');
    expect(await jobsOf(content, true)).toEqual([
      { line: 1, body: 'text' },
      { line: 2, body: '{"a": 1}', async: 5, delay: 0, dedupe: 'k', label: 'l' },
      { line: 3, body: 'null' },
    ]);
  });

  it('have bodies that are no texts to the last character, and texts as they are', async () => {
    const bodies = fc.sample(json, 300).map((body) => body.replace(/[\r\n]/g, ' '));
    const content = bodies.map((body) => `{ "label": "l", "body" : ${body} }`).join('\n');
    const read = bodies.map((body) => (body.startsWith('"') ? JSON.parse(body) : body));
    expect((await jobsOf(content, true)).map(({ body }) => body)).toEqual(read);
  });

  it('may begin with a byte order mark', async () => {
    expect(await jobsOf('\ufeff{"body": 9007199254740993}', true)).toEqual([
      { line: 1, body: '9007199254740993' },
    ]);
  });

  it.each([
    ['body', 'Line 1 of jobs.txt is no JSON object, but body.'],
    ['["a"]', 'Line 1 of jobs.txt is no JSON object, but ["a"].'],
    ['{"async": 5}', 'Line 1 of jobs.txt: there is no "body".'],
    [
      '{"body": 1, "asynch": 5}',
      'the key "asynch" is not known; known are body, async, delay, dedupe and label.',
    ],
    [
      '{"body": 1, "group": "g"}',
      'Line 1 of jobs.txt: its "group" is reserved for jobs that must not run at the same time, which no fleet supports. To give ' +
        'jobs a common name to find them by, use its "label".',
    ],
    ['{"body": 1, "async": 0}', 'its async is 0; allowed is at least 1 second.'],
    ['{"body": 1, "delay": 901}', 'its delay is 901; allowed is from 0 to 900 seconds.'],
    ['{"body": 1, "dedupe": ""}', 'its dedupe is ""; allowed is a text that is not empty.'],
  ])('%s is refused', async (line, sentence) => {
    await expect(check(file(line, true))).rejects.toThrow(sentence);
  });
});

describe('the journal of what was sent', () => {
  const run = { sha256: 'abc', name: 'jobs.txt', fleet: 'Stack/fleet', jsonLines: false };
  const journal = join(directory, 'jobs.txt.mayfly');
  const begin = () => {
    rmSync(journal, { force: true });
    return openJournal(journal, run, () => 'seed');
  };
  const again = (other = {}) => openJournal(journal, { ...run, ...other }, () => 'another');

  it('knows it in the next run, under the same seed', () => {
    const first = begin();
    expect(first).toMatchObject({ seed: 'seed', resumed: false, count: 0 });
    first.add(['a', 'b', 'c']);
    first.add(['c.2']);
    const second = again();
    expect(second).toMatchObject({ seed: 'seed', resumed: true, count: 4 });
    expect(['a', 'b', 'c', 'c.2', 'c.3', 'd'].filter((key) => second.has(key))).toEqual([
      'a',
      'b',
      'c',
      'c.2',
    ]);
    second.remove();
    expect(again()).toMatchObject({ seed: 'another', resumed: false });
  });

  it('may be torn off anywhere: it knows no job that was not sent, and goes on', () => {
    const first = begin();
    for (const key of ['a', 'b', 'c']) first.add([key, `${key}.2`]);
    const whole = readFileSync(journal, 'utf8');
    fc.assert(
      fc.property(fc.nat(whole.length), (length) => {
        writeFileSync(journal, whole.slice(0, length));
        const torn = again();
        expect(torn.seed).toBe(torn.resumed ? 'seed' : 'another');
        torn.add(['z']);
        const last = again();
        expect(last.has('z')).toBe(true);
        const known = ['a', 'b', 'c'].filter((key) => last.has(key));
        expect(last.count).toBe(2 * known.length + 1);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [
      { fleet: 'Stack/other' },
      /begun with fleet Stack\/fleet, not Stack\/other: 2 of its jobs were sent .* remove that file\.$/,
    ],
    [{ jsonLines: true }, /begun without --json-lines/],
  ])('is not for another run: %j', (other, sentence) => {
    begin().add(['a', 'b']);
    expect(() => again(other)).toThrow(sentence);
  });

  it('is for the same file after it was changed, and knows that it was', () => {
    begin().add(['a']);
    expect(again()).toMatchObject({ changed: false });
    const mended = again({ sha256: 'def' });
    expect(mended).toMatchObject({ changed: true, resumed: true, seed: 'seed', count: 1 });
    expect(mended.has('a')).toBe(true);
  });

  it('never takes the place of a file that is something else', () => {
    for (const text of ['precious', '{"mine":1}\n', '{"mayfly":3,"seed":"x"}\n']) {
      writeFileSync(journal, text);
      expect(() => again()).toThrow(/is there, and no journal of `mayfly enqueue`/);
      expect(readFileSync(journal, 'utf8')).toBe(text);
    }
  });

  it('of an earlier version is known as one: whoever took another journal would send all again', () => {
    const text =
      '{"mayfly":1,"seed":"x","sha256":"abc","fleet":"Stack/fleet","jsonLines":false}\n{"sent":[1,9]}\n';
    writeFileSync(journal, text);
    expect(() => again()).toThrow(
      `An earlier version of mayfly has sent a part of jobs.txt (${journal}): that version sends the rest`,
    );
    expect(readFileSync(journal, 'utf8')).toBe(text);
  });

  it('that cannot be written is a sentence', () => {
    expect(() => openJournal('/dev/null/j', run, () => 'seed')).toThrow(/cannot be (read|written)/);
  });
});

it('tells numbers as ranges', () => {
  expect(rangesOf([])).toEqual([]);
  expect(rangesOf([3, 1, 2, 7, 9, 8])).toEqual([
    [1, 3],
    [7, 9],
  ]);
});
