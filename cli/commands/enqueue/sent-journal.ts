import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { messageOf } from '../../../lib/error-message.ts';
import { parseJson } from '../../../lib/json.ts';
import { Failure } from '../../failure.ts';
import { isSeed } from '../../../client/enqueue/ids.ts';

/**
 * What was sent of a file of jobs, beside it: a second run sends the rest under the same ids, however the first one
 * ended. JSON lines: a head that names run and file, then `{"sent": [key, ...]}` for jobs whose sending was acknowledged.
 * The keys are of what is in the file's lines, so that lines can be mended, added and moved in between. A line of the
 * journal may be torn, if the process was killed as it wrote: its jobs are sent once more, which is harmless (one id is one
 * job).
 */
export interface SentJournal {
  readonly path: string;
  /** Names the run: the ids of its jobs are made of it (`jobId`). */
  readonly seed: string;
  /** There was an earlier run. */
  readonly resumed: boolean;
  /** The file is not as it was when the run began. */
  readonly changed: boolean;
  /** How many were sent. */
  readonly count: number;
  has(key: string): boolean;
  add(keys: readonly string[]): void;
  /** All are sent: nothing is left to know. */
  remove(): void;
}

/** The run that a journal is of. */
export interface Run {
  /** Of the file of jobs, and what it is called in sentences. */
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
/** Of an earlier version, which knew jobs by their numbers in the file. */
const EarlierHeadSchema = v.object({ mayfly: v.literal(1), sha256: v.string() });

/**
 * Opens the journal of this run, or begins one.
 *
 * @param newSeed of a run that begins
 * @throws Failure if it is no journal, another fleet's or an earlier version's, or cannot be written
 */
export function openJournal(path: string, run: Run, newSeed: () => string): SentJournal {
  const text = read(path);
  const [head, ...lines] = text.split('\n').map(parseJson);
  const known = v.safeParse(HeadSchema, head);
  if (!known.success) {
    // A head that is torn: nothing was sent before it stood.
    if (lines.length === 0 && HEAD.startsWith(text.slice(0, HEAD.length))) return begin(path, run, newSeed());
    if (v.is(EarlierHeadSchema, head)) throw new Failure(ofEarlierVersion(path, run));
    throw new Failure(`${path} is there, and no journal of \`mayfly enqueue\`: ${ANOTHER}.`);
  }
  const sent = new Set<string>();
  for (const line of lines) {
    const part = v.safeParse(SentSchema, line);
    if (part.success) for (const key of part.output.sent) sent.add(key);
  }
  refuseAnother(path, known.output, run, sent.size);
  // What comes next begins on a line of its own, whatever was torn.
  write(path, () => appendFileSync(path, '\n'));
  const { seed, sha256 } = known.output;
  return new Journal(path, seed, sent, sha256 === run.sha256 ? 'resumed' : 'changed');
}

/** How every journal begins. */
const HEAD = '{"mayfly":2,';

const ANOTHER = 'name another one (--journal FILE)';
const ANEW = 'To send all of it anew, under new ids, remove that file.';

function begin(path: string, { sha256, fleet, jsonLines }: Run, seed: string): SentJournal {
  write(path, () =>
    writeFileSync(path, `${JSON.stringify({ mayfly: 2, seed, sha256, fleet, jsonLines })}\n`),
  );
  return new Journal(path, seed, new Set(), 'new');
}

function ofEarlierVersion(path: string, { name }: Run): string {
  return (
    `An earlier version of mayfly has sent a part of ${name} (${path}): that version sends the rest, by the same command. ` +
    ANEW
  );
}

function refuseAnother(path: string, head: v.InferOutput<typeof HeadSchema>, run: Run, sent: number): void {
  const before = `${sent} of its jobs were sent in an earlier run (${path})`;
  if (head.fleet !== run.fleet) {
    throw new Failure(`${run.name} was begun with fleet ${head.fleet}, not ${run.fleet}: ${before}. ${ANEW}`);
  }
  if (head.jsonLines !== run.jsonLines) {
    throw new Failure(
      `${run.name} was begun ${head.jsonLines ? 'with' : 'without'} --json-lines: ${before}. ${ANEW}`,
    );
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
    throw new Failure(`The journal ${path} cannot be read (${messageOf(error)}): ${ANOTHER}.`);
  }
}

function write(path: string, how: () => void): void {
  try {
    how();
  } catch (error) {
    throw new Failure(
      `The journal ${path} cannot be written (${messageOf(error)}), without which a second run could not send the rest: ` +
        `${ANOTHER}.`,
    );
  }
}
