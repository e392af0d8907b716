import * as v from 'valibot';
import { bodyKey } from './body-key.ts';

const name = (what: string, longest: number) =>
  v.pipe(
    v.string(`a ${what}`),
    v.regex(
      new RegExp(`^[A-Za-z][A-Za-z0-9._:-]{0,${longest - 1}}$`),
      `a ${what} that begins with a letter and goes on with letters, digits and . _ : -, ${longest} in all at most`,
    ),
  );

const LabelSchema = name('label', 128);

/** Names of groups may have a family: `family/group`. */
const GroupSchema = v.pipe(
  v.string('a group'),
  v.regex(
    /^(?=.{1,128}$)[A-Za-z][A-Za-z0-9._:-]*(\/[A-Za-z0-9][A-Za-z0-9._:-]*)?$/,
    'a group that begins with a letter and goes on with letters, digits and . _ : -, with one / between family and group, ' +
      '128 in all at most',
  ),
);

/** Names of targets: hosts, addresses, ids of instances. */
const TargetSchema = v.pipe(
  v.string('a target'),
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@%/[\]-]{0,127}$/,
    'a target that begins with a letter or a digit and goes on with letters, digits and . _ : @ % / [ ] -, 128 in all at most',
  ),
);

/** Characters that a reason quotes of what a producer wrote. */
const LONGEST_QUOTE = 200;

/**
 * What a producer can say about a job: the JSON body of its message. An id never looks like a number, because YAML, a
 * shell or a spreadsheet would read it as one.
 */
const EnvelopeSchema = v.strictObject({
  mayfly: v.literal(1, '1, the version of the envelope'),
  /** The job's id, unique in the fleet. Default: made from the message's id. */
  id: v.optional(name('job id', 128)),
  /** What the worker reads: a text as it is, any other value as it is written in the message. */
  payload: v.optional(v.unknown()),
  /** Instead of `payload`, if that is too long for a message: its key in the log bucket, `bodies/` and the envelope's id. */
  bodyKey: v.optional(v.string('the key of an object')),
  /** How long the worker may run, instead of the fleet's limit. */
  limitSeconds: v.optional(v.pipe(v.number('a number of seconds'), v.minValue(1, 'at least 1 second'))),
  /** Jobs of one group do not all run at once. */
  group: v.optional(GroupSchema),
  /** What the job works on. Earlier agents refuse it. */
  target: v.optional(TargetSchema),
  /** A name that jobs share, to find them by. `mayfly` writes it to the record instead: earlier agents refuse it here. */
  label: v.optional(LabelSchema),
  requestId: v.optional(name('request id', 128)),
});

export function isJobId(value: unknown): value is string {
  return v.is(v.nonOptional(EnvelopeSchema.entries.id), value);
}

/** Whether an id is made from a dedupe key (`client/enqueue/ids.ts`). Anybody who knows the key can make it. */
export function isDedupedId(id: string): boolean {
  return /^d-[a-z2-7]{24}$/.test(id);
}

/** What is wrong with a job's label. Undefined: nothing, or there is none. */
export function findLabelProblem(label: string | undefined): string | undefined {
  const result = v.safeParse(v.optional(LabelSchema), label);
  return result.success ? undefined : `the label is ${quote(label)}; allowed is ${result.issues[0].message}`;
}

/** What is wrong with a job's group or target. Undefined: nothing. */
export function findGroupProblem({ group, target }: { group?: string; target?: string }): string | undefined {
  const wanted = v.safeParse(v.optional(GroupSchema), group);
  if (!wanted.success) return `the group is ${quote(group)}; allowed is ${wanted.issues[0].message}`;
  if (target === undefined) return undefined;
  return findTargetProblem(target) ?? (group === undefined ? TARGET_WITHOUT_GROUP : undefined);
}

/** What is wrong with the name of a target. Undefined: nothing. */
export function findTargetProblem(target: string): string | undefined {
  const result = v.safeParse(TargetSchema, target);
  return result.success
    ? undefined
    : `the target is ${quote(target)}; allowed is ${result.issues[0].message}`;
}

const TARGET_WITHOUT_GROUP =
  'the job has a target but no group; a target needs a group, whose lane the job takes';

export type Envelope = v.InferOutput<typeof EnvelopeSchema>;

export type EnvelopeReading = { envelope: Envelope } | { problem: string; id: string | undefined };

/** Reads a JSON object that has a `mayfly` key. A problem names the value and what is allowed. */
export function readEnvelope(value: object): EnvelopeReading {
  const result = v.safeParse(EnvelopeSchema, value);
  if (!result.success) {
    const [issue] = result.issues;
    const id = v.safeParse(EnvelopeSchema.entries.id, 'id' in value ? value.id : undefined);
    return { problem: describeIssue(issue), id: id.success ? id.output : undefined };
  }
  const problem = bodyProblem(result.output) ?? targetProblem(result.output);
  return problem === undefined ? { envelope: result.output } : { problem, id: result.output.id };
}

/** A body is in the envelope or in the bucket. There its key has the job's id, so that no job reads the body of another. */
function bodyProblem({ id, payload, bodyKey: key }: Envelope): string | undefined {
  if (key === undefined) return payloadProblem(payload);
  if (payload !== undefined) return 'the envelope has both a payload and a bodyKey; allowed is one of them';
  if (id === undefined) return 'the envelope has a bodyKey but no id';
  const own = bodyKey(id);
  if (key === own) return undefined;
  return `the envelope's bodyKey is ${quote(key)}; allowed is ${own}, by its own id`;
}

function targetProblem({ group, target }: Envelope): string | undefined {
  return target !== undefined && group === undefined ? TARGET_WITHOUT_GROUP : undefined;
}

function payloadProblem(payload: unknown): string | undefined {
  if (payload === undefined) return 'the envelope has no payload';
  if (typeof payload !== 'string' || payload.isWellFormed()) return undefined;
  const position = payload.search(/\p{Cs}/u);
  return `the envelope's payload has half of a character at position ${position}: no UTF-8 text has that`;
}

function describeIssue(issue: v.InferIssue<typeof EnvelopeSchema>): string {
  // Bounded and well-formed, so that a record can hold the reason.
  const key = v.getDotPath(issue)?.slice(0, LONGEST_QUOTE).toWellFormed();
  if (issue.type === 'strict_object') {
    return issue.expected === 'never'
      ? `the envelope's key ${key} is not known`
      : `the envelope has no ${key}`;
  }
  return `the envelope's ${key} is ${quote(issue.input)}; allowed is ${issue.message}`;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.slice(0, LONGEST_QUOTE).toWellFormed();
}
