import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { isSeed } from '../../../client/enqueue/ids.ts';
import { messageOf } from '../../../lib/error-message.ts';
import { parseJson } from '../../../lib/json.ts';
import { CliError } from '../../error.ts';

/**
 * Records, in a file beside a file of jobs, which of its jobs were sent. A second run sends the rest with the same ids,
 * however the first one ended. The journal is JSON lines: a head that names run and file, then `{"sent": [key, ...]}` for
 * jobs whose sending SQS acknowledged. A key is a hash of the line's text, so that lines can be corrected, added and moved
 * in between. If the process was killed while it wrote, a line is incomplete: its jobs are sent again, which is harmless,
 * because one id is one job.
 */
export interface SentJournal {
  readonly path: string;
  /** Identifies the run. The ids of its jobs are derived from it (`jobId`). */
  readonly seed: string;
  /** There was an earlier run. */
  readonly resumed: boolean;
  /** The file was changed since the run began. */
  readonly changed: boolean;
  /** How many were sent. */
  readonly count: number;
  has(key: string): boolean;
  add(keys: readonly string[]): void;
  /** To be called when all jobs are sent. */
  remove(): void;
}

/** The run that a journal belongs to. */
export interface JournalRun {
  /** Hash of the file of jobs, and its name in messages. */
  sha256: string;
  name: string;
  fleet: string;
  jsonLines: boolean;
}

const HeadSchema = v.object({
  mayfly: v.literal(2),
  seed: v.pipe(v.string(), v.check(isSeed)),
  sha256: v.string(),
  fleet: v.string(),
  jsonLines: v.boolean(),
});
const SentSchema = v.object({ sent: v.array(v.string()) });
/** The format of an earlier version, which identified jobs by their numbers in the file. */
const EarlierHeadSchema = v.object({ mayfly: v.literal(1), sha256: v.string() });

/**
 * Opens the journal of this run, or creates one.
 *
 * @param newSeed gives the seed of a new run
 * @throws CliError if the file is not a journal, belongs to another fleet or version, or cannot be written
 */
export function openJournal(path: string, run: JournalRun, newSeed: () => string): SentJournal {
  const text = read(path);
  const [head, ...lines] = text.split('\n').map(parseJson);
  const known = v.safeParse(HeadSchema, head);
  if (!known.success) {
    // The head is incomplete. It is written before the first job is sent, so nothing was sent.
    if (lines.length === 0 && HEAD.startsWith(text.slice(0, HEAD.length))) return begin(path, run, newSeed());
    if (v.is(EarlierHeadSchema, head)) throw new CliError(earlierVersionMessage(path, run));
    throw new CliError(`${path} exists, and is not a journal of \`mayfly enqueue\`: ${ANOTHER}.`);
  }
  const sent = new Set<string>();
  for (const line of lines) {
    const part = v.safeParse(SentSchema, line);
    if (part.success) for (const key of part.output.sent) sent.add(key);
  }
  refuseOtherRun(path, known.output, run, sent.size);
  // The last line may be incomplete: the next one must not continue it.
  write(path, () => appendFileSync(path, '\n'));
  const { seed, sha256 } = known.output;
  return new Journal(path, seed, sent, sha256 === run.sha256 ? 'resumed' : 'changed');
}

/** How every journal begins. */
const HEAD = '{"mayfly":2,';

const ANOTHER = 'name another file (--journal FILE)';
const START_OVER = 'To send all jobs again, with new ids, remove that file.';

function begin(path: string, { sha256, fleet, jsonLines }: JournalRun, seed: string): SentJournal {
  write(path, () =>
    writeFileSync(path, `${JSON.stringify({ mayfly: 2, seed, sha256, fleet, jsonLines })}\n`),
  );
  return new Journal(path, seed, new Set(), 'new');
}

function earlierVersionMessage(path: string, { name }: JournalRun): string {
  return (
    `An earlier version of mayfly has sent a part of ${name} (${path}). Send the rest with that version and the same ` +
    `command. ${START_OVER}`
  );
}

function refuseOtherRun(
  path: string,
  head: v.InferOutput<typeof HeadSchema>,
  run: JournalRun,
  sent: number,
): void {
  const before = `An earlier run sent ${sent} jobs of ${run.name} (${path})`;
  if (head.fleet !== run.fleet) {
    throw new CliError(`${before} to fleet ${head.fleet}, not ${run.fleet}. ${START_OVER}`);
  }
  if (head.jsonLines !== run.jsonLines) {
    throw new CliError(`${before} ${head.jsonLines ? 'with' : 'without'} --json-lines. ${START_OVER}`);
  }
}

class Journal implements SentJournal {
  readonly path: string;
  readonly seed: string;
  readonly resumed: boolean;
  readonly changed: boolean;
  readonly #sent: Set<string>;

  constructor(path: string, seed: string, sent: Set<string>, state: 'new' | 'resumed' | 'changed') {
    this.path = path;
    this.seed = seed;
    this.#sent = sent;
    this.resumed = state !== 'new';
    this.changed = state === 'changed';
  }

  get count(): number {
    return this.#sent.size;
  }

  has(key: string): boolean {
    return this.#sent.has(key);
  }

  add(keys: readonly string[]): void {
    write(this.path, () => appendFileSync(this.path, `${JSON.stringify({ sent: keys })}\n`));
    for (const key of keys) this.#sent.add(key);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw new CliError(`The journal ${path} cannot be read (${messageOf(error)}): ${ANOTHER}.`);
  }
}

function write(path: string, how: () => void): void {
  try {
    how();
  } catch (error) {
    throw new CliError(
      `The journal ${path} cannot be written (${messageOf(error)}). Without it a second run could not send the rest: ` +
        `${ANOTHER}.`,
    );
  }
}
