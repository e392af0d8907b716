import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { checkJobs, type LineJob, readJobs } from '../../cli/jobs-file.ts';
import { openJournal, rangesOf } from '../../cli/sent-journal.ts';
import { json } from '../support/json-texts.ts';

const directory = mkdtempSync(join(tmpdir(), 'mayfly-jobs-file-'));
afterAll(() => rmSync(directory, { recursive: true }));

const path = join(directory, 'jobs.txt');
const file = (content: string | Uint8Array, jsonLines = false) => {
  writeFileSync(path, content);
  return { path, name: 'jobs.txt', jsonLines };
};

async function jobsOf(content: string | Uint8Array, jsonLines = false): Promise<LineJob[]> {
  const jobs: LineJob[] = [];
  for await (const job of readJobs(file(content, jsonLines))) jobs.push(job);
  return jobs;
}

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
    await expect(checkJobs(file(content))).rejects.toThrow(
      'Line 2 of jobs.txt is not UTF-8: after "Gr" comes the byte 0xfc.',
    );
  });

  it('that is not there is a sentence', async () => {
    const gone = { path: join(directory, 'gone'), name: 'gone', jsonLines: false };
    await expect(checkJobs(gone)).rejects.toThrow(/^gone cannot be read \(ENOENT/);
  });

  it('has a hash of its bytes and a number of jobs', async () => {
    const { sha256, jobs } = await checkJobs(file('one\n\ntwo'));
    expect(jobs).toBe(2);
    expect(sha256).not.toBe((await checkJobs(file('one\ntwo'))).sha256);
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
      'Line 1 of jobs.txt: its "group" is for jobs that must not run at the same time, which no fleet can see to yet. A name ' +
        'that jobs share, to find them by, is its "label".',
    ],
    ['{"body": 1, "async": 0}', 'its async is 0; allowed is at least 1 second.'],
    ['{"body": 1, "delay": 901}', 'its delay is 901; allowed is from 0 to 900 seconds.'],
    ['{"body": 1, "dedupe": ""}', 'its dedupe is ""; allowed is a text that is not empty.'],
  ])('%s is refused', async (line, sentence) => {
    await expect(checkJobs(file(line, true))).rejects.toThrow(sentence);
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
    first.add([1, 2, 3]);
    first.add([7]);
    const second = again();
    expect(second).toMatchObject({ seed: 'seed', resumed: true, count: 4 });
    expect([1, 2, 3, 4, 6, 7, 8].filter((number) => second.has(number))).toEqual([1, 2, 3, 7]);
    second.remove();
    expect(again()).toMatchObject({ seed: 'another', resumed: false });
  });

  it('may be torn off anywhere: it knows no job that was not sent, and goes on', () => {
    const first = begin();
    for (const number of [1, 2, 3]) first.add([number * 10, number * 10 + 5]);
    const whole = readFileSync(journal, 'utf8');
    fc.assert(
      fc.property(fc.nat(whole.length), (length) => {
        writeFileSync(journal, whole.slice(0, length));
        const torn = again();
        expect(torn.seed).toBe(torn.resumed ? 'seed' : 'another');
        torn.add([99]);
        const last = again();
        const known = Array.from({ length: 100 }, (_, number) => number).filter((number) => last.has(number));
        expect(known.at(-1)).toBe(99);
        expect([10, 15, 20, 25, 30, 35, 99]).toEqual(expect.arrayContaining(known));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [{ sha256: 'def' }, /jobs\.txt is not as it was when 2 of its jobs were sent .* remove that file\.$/],
    [{ fleet: 'Stack/other' }, /begun with fleet Stack\/fleet, not Stack\/other/],
    [{ jsonLines: true }, /begun without --json-lines/],
  ])('is not for another run: %j', (other, sentence) => {
    begin().add([1, 2]);
    expect(() => again(other)).toThrow(sentence);
  });

  it('never takes the place of a file that is something else', () => {
    for (const text of ['precious', '{"mine":1}\n', '{"mayfly":2,"seed":"x"}\n']) {
      writeFileSync(journal, text);
      expect(() => again()).toThrow(/is there, and no journal of `mayfly enqueue`/);
      expect(readFileSync(journal, 'utf8')).toBe(text);
    }
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
