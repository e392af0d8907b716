import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  checkJobsFile,
  type JobsFile,
  type LineJob,
  readJobsFile,
} from '../../../../cli/commands/enqueue/jobs-file.ts';
import { openJournal } from '../../../../cli/commands/enqueue/journal.ts';
import { toRanges } from '../../../../cli/commands/enqueue/send-jobs.ts';
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
  for await (const { key: _, ...job } of readJobsFile(file(content, jsonLines))) jobs.push(job);
  return jobs;
}

async function keysOf(content: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of readJobsFile(file(content))) keys.push(key);
  return keys;
}

/** The check for a fleet that accepts every job. */
const check = (jobs: JobsFile) => checkJobsFile(jobs, () => undefined);

describe('a file of lines', () => {
  it.each([
    ['keeps the blanks of a line', ' one\ntwo  \n', [' one', 'two  ']],
    ['needs no newline at the end', 'one\ntwo', ['one', 'two']],
    ['can have CRLF line ends', 'one\r\ntwo\r\n', ['one', 'two']],
    ['can have empty lines, which are skipped', 'one\n\n  \ntwo\n\n', ['one', 'two']],
    ['can be empty', '', []],
  ])('%s', async (_what, content, bodies) => {
    expect((await jobsOf(content)).map(({ body }) => body)).toEqual(bodies);
  });

  it('counts empty lines in the line numbers', async () => {
    expect((await jobsOf('one\n\ntwo')).map(({ line }) => line)).toEqual([1, 3]);
  });

  it('can have lines of any length, across the chunks in which it is read', async () => {
    const lines = [1, 65_535, 65_536, 65_537, 200_000].map((length) => 'ü'.repeat(length));
    expect((await jobsOf(lines.join('\n'))).map(({ body }) => body)).toEqual(lines);
  });

  it.each([
    ['is not part of the first body', '\ufeffone\ntwo', ['one', 'two']],
    ['alone makes no job', '\ufeff', []],
    ['elsewhere than at the start is kept', 'one\n\ufefftwo', ['one', '\ufefftwo']],
    ['is removed once', '\ufeff\ufeffone', ['\ufeffone']],
  ])('a byte order mark %s', async (_what, content, bodies) => {
    expect((await jobsOf(content)).map(({ body }) => body)).toEqual(bodies);
  });

  it('is refused with the line and the byte that are not UTF-8', async () => {
    const content = Buffer.concat([Buffer.from('good\nGr'), Buffer.from([0xfc]), Buffer.from('n\n')]);
    await expect(check(file(content))).rejects.toThrow(
      'Line 2 of jobs.txt is not UTF-8: the byte 0xfc follows "Gr".',
    );
  });

  it('that does not exist is refused', async () => {
    const gone = { path: join(directory, 'gone'), name: 'gone', jsonLines: false };
    await expect(check(gone)).rejects.toThrow(/^gone cannot be read \(ENOENT/);
  });

  it('gives each line a key by its text, wherever it is, and equal lines different keys', async () => {
    const [one = '', two = '', again = ''] = await keysOf('one\ntwo\none');
    expect(new Set([one, two, again]).size).toBe(3);
    expect(again).toBe(`${one}.2`);
    expect(await keysOf('\ufefftwo\r\n\none')).toEqual([two, one]);
  });

  it('is refused with up to ten bad lines, unreadable ones and those that cannot be enqueued', async () => {
    const lines = ['{"body": 1}', 'x', '{"body": 2, "async": 0}', '{"body": 3, "delay": 7}'];
    const seven = ({ delay }: LineJob) => (delay === 7 ? 'seven is not allowed.' : undefined);
    await expect(checkJobsFile(file(lines.join('\n'), true), seven)).rejects.toThrow(
      /^3 lines of jobs\.txt cannot be enqueued\. Nothing was sent\.\n {2}Line 2 of jobs\.txt is not a JSON object.*\n {2}Line 3 of jobs\.txt: its async is 0; .*\n {2}Line 4 of jobs\.txt: seven is not allowed\.$/,
    );
    const all = check(file('x\n'.repeat(12), true));
    await expect(all).rejects.toThrow(/^12 lines of (.*\n){10} {2}Line 10 .*\n {2}and 2 more lines\.$/);
  });

  it('is checked with a hash of its bytes and the number of its jobs', async () => {
    const { sha256, jobs } = await check(file('one\n\ntwo'));
    expect(jobs).toBe(2);
    expect(sha256).not.toBe((await check(file('one\ntwo'))).sha256);
  });
});

describe('JSON lines', () => {
  it('can have a body of any type, and options', async () => {
    const content = [
      '{"body": "text"}',
      '{"body": {"a": 1}, "async": 5, "delay": 0, "dedupe": "k", "label": "l"}',
      '{"body": null}',
      '{"body": 1, "group": "shop/web", "target": "s1"}',
    ].join('\n');
    expect(await jobsOf(content, true)).toEqual([
      { line: 1, body: 'text' },
      { line: 2, body: '{"a": 1}', async: 5, delay: 0, dedupe: 'k', label: 'l' },
      { line: 3, body: 'null' },
      { line: 4, body: '1', group: 'shop/web', target: 's1' },
    ]);
  });

  it('keep the JSON text of a body that is not a string, and the value of a string', async () => {
    const bodies = fc.sample(json, 300).map((body) => body.replace(/[\r\n]/g, ' '));
    const content = bodies.map((body) => `{ "label": "l", "body" : ${body} }`).join('\n');
    const read = bodies.map((body) => (body.startsWith('"') ? JSON.parse(body) : body));
    expect((await jobsOf(content, true)).map(({ body }) => body)).toEqual(read);
  });

  it('can begin with a byte order mark', async () => {
    expect(await jobsOf('\ufeff{"body": 9007199254740993}', true)).toEqual([
      { line: 1, body: '9007199254740993' },
    ]);
  });

  it.each([
    ['body', 'Line 1 of jobs.txt is not a JSON object: body.'],
    ['["a"]', 'Line 1 of jobs.txt is not a JSON object: ["a"].'],
    ['{"async": 5}', 'Line 1 of jobs.txt: there is no "body".'],
    [
      '{"body": 1, "asynch": 5}',
      'the key "asynch" is unknown; the keys are body, async, delay, dedupe, label, group and target.',
    ],
    ['{"body": 1, "group": 5}', 'its group is 5; allowed is a text.'],
    ['{"body": 1, "group": "g", "target": ["s1"]}', 'its target is ["s1"]; allowed is a text.'],
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

  it('is read by the next run, which has the same seed', () => {
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

  it('can be cut off anywhere: it lists no job that was not sent, and can be continued', () => {
    const first = begin();
    for (const key of ['a', 'b', 'c']) first.add([key, `${key}.2`]);
    const whole = readFileSync(journal, 'utf8');
    fc.assert(
      fc.property(fc.nat(whole.length), (length) => {
        writeFileSync(journal, whole.slice(0, length));
        const cut = again();
        expect(cut.seed).toBe(cut.resumed ? 'seed' : 'another');
        cut.add(['z']);
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
      /^An earlier run sent 2 jobs of jobs\.txt .* to fleet Stack\/fleet, not Stack\/other\. .* remove that file\.$/,
    ],
    [{ jsonLines: true }, /^An earlier run sent 2 jobs .* without --json-lines\./],
  ])('is refused for a different run: %j', (other, sentence) => {
    begin().add(['a', 'b']);
    expect(() => again(other)).toThrow(sentence);
  });

  it('accepts the same file after a change, and notices the change', () => {
    begin().add(['a']);
    expect(again()).toMatchObject({ changed: false });
    const changed = again({ sha256: 'def' });
    expect(changed).toMatchObject({ changed: true, resumed: true, seed: 'seed', count: 1 });
    expect(changed.has('a')).toBe(true);
  });

  it('never overwrites a file that is not a journal', () => {
    for (const text of ['precious', '{"mine":1}\n', '{"mayfly":3,"seed":"x"}\n']) {
      writeFileSync(journal, text);
      expect(() => again()).toThrow(/exists, and is not a journal of `mayfly enqueue`/);
      expect(readFileSync(journal, 'utf8')).toBe(text);
    }
  });

  it('of an earlier version is recognised: another journal would send all jobs again', () => {
    const text =
      '{"mayfly":1,"seed":"x","sha256":"abc","fleet":"Stack/fleet","jsonLines":false}\n{"sent":[1,9]}\n';
    writeFileSync(journal, text);
    expect(() => again()).toThrow(
      `An earlier version of mayfly has sent a part of jobs.txt (${journal}). Send the rest with that version`,
    );
    expect(readFileSync(journal, 'utf8')).toBe(text);
  });

  it('that cannot be written is refused', () => {
    expect(() => openJournal('/dev/null/j', run, () => 'seed')).toThrow(/cannot be (read|written)/);
  });
});

it('turns numbers into ranges', () => {
  expect(toRanges([])).toEqual([]);
  expect(toRanges([3, 1, 2, 7, 9, 8])).toEqual([
    [1, 3],
    [7, 9],
  ]);
});
