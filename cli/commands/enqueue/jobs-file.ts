import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as v from 'valibot';
import { readMemberTexts } from '../../../jobs/json-text.ts';
import { parseJson } from '../../../lib/json.ts';
import { SQS_MAX_DELAY_SECONDS } from '../../../lib/limits.ts';
import { describeBadByte, linesOf } from '../../../lib/lines.ts';
import { text as nonEmpty } from '../../../lib/schema.ts';
import { CliError } from '../../error.ts';
import { escapeLine } from '../../terminal/escape.ts';

/** A file with a job a line. */
export interface JobsFile {
  path: string;
  /** Its name in messages. */
  name: string;
  /** Each line is a JSON object with a `body` and options. Otherwise each line is a body, unchanged. */
  jsonLines: boolean;
}

/** A job of a file, with the options of its line. Durations are in seconds. */
export interface LineJob {
  /** From 1. */
  line: number;
  /** A hash of the line's text. The second of two equal lines has `.2` appended, and so on. */
  key: string;
  /** What the worker reads. Of a JSON line it is the string, or the JSON text of any other value as it is written. */
  body: string;
  async?: number;
  delay?: number;
  dedupe?: string;
  label?: string;
  group?: string;
  target?: string;
}

const DELAYS = `from 0 to ${SQS_MAX_DELAY_SECONDS} seconds`;

const LineSchema = v.strictObject({
  body: v.unknown(),
  async: v.optional(v.pipe(v.number('a number of seconds'), v.minValue(1, 'at least 1 second'))),
  delay: v.optional(
    v.pipe(
      v.number('a number of seconds'),
      v.integer('a whole number of seconds'),
      v.minValue(0, DELAYS),
      v.maxValue(SQS_MAX_DELAY_SECONDS, DELAYS),
    ),
  ),
  dedupe: v.optional(nonEmpty),
  label: v.optional(v.string('a text')),
  group: v.optional(v.string('a text')),
  target: v.optional(v.string('a text')),
});

/**
 * The jobs of a file, in order. Empty lines are skipped.
 *
 * @throws CliError with the number of a line that is not UTF-8 or cannot be read as a job
 */
export async function* readJobsFile(file: JobsFile): AsyncGenerator<LineJob> {
  for await (const read of readLines(file)) {
    if (typeof read === 'string') throw new CliError(read);
    yield read;
  }
}

/** The job of each line, or an error message. */
async function* readLines(file: JobsFile): AsyncGenerator<LineJob | string> {
  const occurrences = new Map<string, number>();
  let line = 0;
  for await (const bytes of linesOf(chunksOf(file))) {
    line += 1;
    if (!isUtf8(bytes)) {
      yield `Line ${line} of ${file.name} is not UTF-8: ${describeBadByte(bytes)}. The body of a job is text: convert ` +
        'the file (`iconv -t UTF-8`) or send base64.';
      continue;
    }
    const text = bytes.toString('utf8');
    if (text.trim() === '') continue;
    const job = file.jsonLines ? readLine(text, line, file) : { body: text };
    yield typeof job === 'string' ? job : { ...job, line, key: lineKey(bytes, occurrences) };
  }
}

/** 64 bits: among a million different lines two have the same key by chance once in 30 million files. */
const KEY_LETTERS = 16;

function lineKey(line: Buffer, occurrences: Map<string, number>): string {
  const hash = createHash('sha256').update(line).digest('hex').slice(0, KEY_LETTERS);
  const occurrence = (occurrences.get(hash) ?? 0) + 1;
  occurrences.set(hash, occurrence);
  return occurrence === 1 ? hash : `${hash}.${occurrence}`;
}

/** The result of the check that reads the whole file before the first job is sent. */
export interface CheckedFile {
  sha256: string;
  jobs: number;
}

/** Further bad lines are only counted. */
const MOST_SHOWN = 10;

/**
 * Checks each line of a file.
 *
 * @param problemOf says why a job cannot be enqueued; undefined if it can
 * @throws CliError that names the first bad lines
 */
export async function checkJobsFile(
  file: JobsFile,
  problemOf: (job: LineJob) => string | undefined,
): Promise<CheckedFile> {
  const sha256 = await hashOf(file);
  let jobs = 0;
  let bad = 0;
  const messages: string[] = [];
  for await (const read of readLines(file)) {
    const problem = typeof read === 'string' ? read : withLine(read, problemOf(read), file);
    if (problem === undefined) {
      jobs += 1;
      continue;
    }
    bad += 1;
    if (bad <= MOST_SHOWN) messages.push(problem);
  }
  if (bad > 0) throw new CliError(badLinesMessage(messages, bad, file));
  return { sha256, jobs };
}

function withLine({ line }: LineJob, problem: string | undefined, { name }: JobsFile): string | undefined {
  return problem && `Line ${line} of ${name}: ${problem}`;
}

function badLinesMessage(messages: readonly string[], bad: number, { name }: JobsFile): string {
  const [only = ''] = messages;
  if (bad === 1) return `${only} Nothing was sent.`;
  const more = bad > messages.length ? [`and ${bad - messages.length} more lines.`] : [];
  const head = `${bad} lines of ${name} cannot be enqueued. Nothing was sent.`;
  return [head, ...messages, ...more].join('\n  ');
}

async function hashOf(file: JobsFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(file)) hash.update(chunk);
  return hash.digest('hex');
}

async function* chunksOf({ path, name }: JobsFile): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new CliError(`${name} cannot be read (${error.message}).`);
  }
}

function readLine(text: string, line: number, { name }: JobsFile): Omit<LineJob, 'line' | 'key'> | string {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return (
      `Line ${line} of ${name} is not a JSON object: ${excerpt(text)}. A line is {"body": ..., "async"?, "delay"?, ` +
      '"dedupe"?, "label"?, "group"?, "target"?}. Without --json-lines each line is a body.'
    );
  }
  const result = v.safeParse(LineSchema, value);
  if (!result.success) return `Line ${line} of ${name}: ${describeIssue(result.issues[0])}.`;
  const { body, async, delay, dedupe, label, group, target } = result.output;
  return {
    body: typeof body === 'string' ? body : (readMemberTexts(text).get('body') ?? ''),
    ...(async !== undefined && { async }),
    ...(delay !== undefined && { delay }),
    ...(dedupe !== undefined && { dedupe }),
    ...(label !== undefined && { label }),
    ...(group !== undefined && { group }),
    ...(target !== undefined && { target }),
  };
}

function describeIssue(issue: v.InferIssue<typeof LineSchema>): string {
  const key = v.getDotPath(issue) ?? '';
  if (issue.type === 'strict_object') {
    if (issue.expected !== 'never') return `there is no "${key}"`;
    return `the key ${excerpt(JSON.stringify(key))} is unknown; the keys are body, async, delay, dedupe, label, group and target`;
  }
  return `its ${key} is ${excerpt(JSON.stringify(issue.input) ?? '')}; allowed is ${issue.message}`;
}

function excerpt(text: string): string {
  return escapeLine(text.length > 40 ? `${text.slice(0, 40).toWellFormed()}…` : text);
}
