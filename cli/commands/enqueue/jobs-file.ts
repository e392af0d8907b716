import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as v from 'valibot';
import { memberTexts } from '../../../jobs/json-text.ts';
import { parseJson } from '../../../lib/json.ts';
import { LONGEST_DELAY_SECONDS } from '../../../lib/limits.ts';
import { text as nonEmpty } from '../../../lib/schema.ts';
import { Failure } from '../../failure.ts';
import { noGroups } from '../../../client/no-groups.ts';
import { escapeLine } from '../../terminal/escape.ts';

/** A file with a job a line. */
export interface JobsFile {
  path: string;
  /** What it is called in sentences. */
  name: string;
  /** Its lines are JSON objects with a `body` and options of their own; else each line is a body as it is. */
  jsonLines: boolean;
}

/** A job of a file, with what its line says of it. Durations are seconds. */
export interface LineJob {
  /** From 1. */
  line: number;
  /** Names the line by what is in it: of equal lines the second has `.2` behind it, and so on. */
  key: string;
  /** What the worker reads: of JSON lines a text as it is, anything else as the line has it. */
  body: string;
  async?: number;
  delay?: number;
  dedupe?: string;
  label?: string;
}

const DELAYS = `from 0 to ${LONGEST_DELAY_SECONDS} seconds`;

const LineSchema = v.strictObject({
  body: v.unknown(),
  async: v.optional(v.pipe(v.number('a number of seconds'), v.minValue(1, 'at least 1 second'))),
  delay: v.optional(
    v.pipe(
      v.number('a number of seconds'),
      v.integer('a whole number of seconds'),
      v.minValue(0, DELAYS),
      v.maxValue(LONGEST_DELAY_SECONDS, DELAYS),
    ),
  ),
  dedupe: v.optional(nonEmpty),
  label: v.optional(v.string('a text')),
});

/**
 * The jobs of a file, in its order. Empty lines are none.
 *
 * @throws Failure with the number of a line that is not UTF-8 or cannot be read as a job
 */
export async function* readJobs(file: JobsFile): AsyncGenerator<LineJob> {
  for await (const read of readLines(file)) {
    if (typeof read === 'string') throw new Failure(read);
    yield read;
  }
}

/** Each line's job, or a sentence that says why it is none. */
async function* readLines(file: JobsFile): AsyncGenerator<LineJob | string> {
  const times = new Map<string, number>();
  let line = 0;
  for await (const whole of linesOf(file)) {
    line += 1;
    const bytes = line === 1 ? withoutMark(whole) : whole;
    if (!isUtf8(bytes)) {
      yield `Line ${line} of ${file.name} is not UTF-8: ${visible(bytes)}. A job's body is text; convert it ` +
        '(`iconv -t UTF-8`) or send it as base64.';
      continue;
    }
    const text = bytes.toString('utf8');
    if (text.trim() === '') continue;
    const job = file.jsonLines ? readLine(text, line, file) : { body: text };
    yield typeof job === 'string' ? job : { ...job, line, key: keyOf(bytes, times) };
  }
}

/** Half of it is enough: two lines of a million that differ have the same by chance once in 30 million files. */
const KEY_LETTERS = 16;

function keyOf(line: Buffer, times: Map<string, number>): string {
  const hash = createHash('sha256').update(line).digest('hex').slice(0, KEY_LETTERS);
  const time = (times.get(hash) ?? 0) + 1;
  times.set(hash, time);
  return time === 1 ? hash : `${hash}.${time}`;
}

/** The whole file, read once to the end before anything is sent of it. */
export interface Checked {
  sha256: string;
  jobs: number;
}

/** As many sentences as a person reads. */
const MOST_TOLD = 10;

/**
 * @param problemOf why a job that can be read cannot be sent, if so
 * @throws Failure that names the first bad lines
 */
export async function checkJobs(
  file: JobsFile,
  problemOf: (job: LineJob) => string | undefined,
): Promise<Checked> {
  const sha256 = await hashOf(file);
  let jobs = 0;
  let bad = 0;
  const sentences: string[] = [];
  for await (const read of readLines(file)) {
    const problem = typeof read === 'string' ? read : sentenceOf(read, problemOf(read), file);
    if (problem === undefined) {
      jobs += 1;
      continue;
    }
    bad += 1;
    if (bad <= MOST_TOLD) sentences.push(problem);
  }
  if (bad > 0) throw new Failure(toldOf(sentences, bad, file));
  return { sha256, jobs };
}

function sentenceOf({ line }: LineJob, problem: string | undefined, { name }: JobsFile): string | undefined {
  return problem && `Line ${line} of ${name}: ${problem}`;
}

function toldOf(sentences: readonly string[], bad: number, { name }: JobsFile): string {
  const [only = ''] = sentences;
  if (bad === 1) return `${only} Nothing was sent.`;
  const more = bad > sentences.length ? [`and ${bad - sentences.length} lines more.`] : [];
  return [
    `${bad} lines of ${name} are no jobs that can be sent. Nothing was sent.`,
    ...sentences,
    ...more,
  ].join('\n  ');
}

async function hashOf(file: JobsFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(file)) hash.update(chunk);
  return hash.digest('hex');
}

async function* linesOf(file: JobsFile): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  for await (const chunk of chunksOf(file)) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      yield withoutReturn(Buffer.concat([...pieces, chunk.subarray(from, end)]));
      pieces = [];
      from = end + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
  if (pieces.length > 0) yield withoutReturn(Buffer.concat(pieces));
}

/** Editors and spreadsheets put the mark before what they save as UTF-8: it says how to read it, and is none of it. */
function withoutMark(firstLine: Buffer): Buffer {
  return firstLine.subarray(0, MARK.length).equals(MARK) ? firstLine.subarray(MARK.length) : firstLine;
}

const MARK = Buffer.from('\ufeff');
const NEWLINE = 0x0a;
const RETURN = 0x0d;

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}

async function* chunksOf({ path, name }: JobsFile): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new Failure(`${name} cannot be read (${error.message}).`);
  }
}

/** The first of a line's bytes that are not text, and what stands before them. */
function visible(bytes: Buffer): string {
  const text = new TextDecoder().decode(bytes);
  const at = text.indexOf('\ufffd');
  const start = Math.max(0, at - SHOWN);
  const wrong = bytes[Buffer.byteLength(text.slice(0, at))] ?? 0;
  const before = `${start > 0 ? '…' : ''}${text.slice(start, at)}`;
  return `after ${JSON.stringify(before)} comes the byte 0x${wrong.toString(16).padStart(2, '0')}`;
}

const SHOWN = 20;

function readLine(text: string, line: number, { name }: JobsFile): Omit<LineJob, 'line' | 'key'> | string {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return (
      `Line ${line} of ${name} is no JSON object, but ${shown(text)}. A line is {"body": ..., "async"?, "delay"?, ` +
      '"dedupe"?, "label"?}; without --json-lines each line is a body as it is.'
    );
  }
  if ('group' in value) return `Line ${line} of ${name}: its ${noGroups('"group"', 'its "label"')}`;
  const result = v.safeParse(LineSchema, value);
  if (!result.success) return `Line ${line} of ${name}: ${problem(result.issues[0])}.`;
  const { body, async, delay, dedupe, label } = result.output;
  return {
    body: typeof body === 'string' ? body : (memberTexts(text).get('body') ?? ''),
    ...(async !== undefined && { async }),
    ...(delay !== undefined && { delay }),
    ...(dedupe !== undefined && { dedupe }),
    ...(label !== undefined && { label }),
  };
}

function problem(issue: v.InferIssue<typeof LineSchema>): string {
  const key = v.getDotPath(issue) ?? '';
  if (issue.type === 'strict_object') {
    if (issue.expected !== 'never') return `there is no "${key}"`;
    return `the key ${shown(JSON.stringify(key))} is not known; known are body, async, delay, dedupe and label`;
  }
  return `its ${key} is ${shown(JSON.stringify(issue.input) ?? '')}; allowed is ${issue.message}`;
}

function shown(text: string): string {
  return escapeLine(text.length > 40 ? `${text.slice(0, 40).toWellFormed()}…` : text);
}
