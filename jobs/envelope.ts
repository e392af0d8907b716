import * as v from 'valibot';

const name = (what: string, longest: number) =>
  v.pipe(
    v.string(`a ${what}`),
    v.regex(
      new RegExp(`^[A-Za-z][A-Za-z0-9._:-]{0,${longest - 1}}$`),
      `a ${what} that begins with a letter and goes on with letters, digits and . _ : -, ${longest} in all at most`,
    ),
  );

/** Of what a producer wrote, in a reason. */
const LONGEST_SHOWN = 200;

/**
 * What a producer that knows us can say about a job, as the JSON body of its message. An id never looks like a
 * number: what reads it back (YAML, a shell, a spreadsheet) would make it one.
 */
const EnvelopeSchema = v.strictObject({
  mayfly: v.literal(1, '1, the version of the envelope'),
  /** The job's id, unique in the fleet; by default made from the message's. */
  id: v.optional(name('job id', 128)),
  /** What the worker reads: a text as it is, anything else as JSON. */
  payload: v.unknown(),
  /** How long the worker may run, instead of the fleet's own limit. */
  limitSeconds: v.optional(v.pipe(v.number('a number of seconds'), v.minValue(1, 'at least 1 second'))),
  group: v.optional(name('group', 128)),
  requestId: v.optional(name('request id', 128)),
});

export type Envelope = v.InferOutput<typeof EnvelopeSchema>;

export type EnvelopeReading = { envelope: Envelope } | { problem: string; id: string | undefined };

/** Reads a JSON object that has a `mayfly` key. What it cannot accept it names, with what is allowed. */
export function readEnvelope(value: object): EnvelopeReading {
  const result = v.safeParse(EnvelopeSchema, value);
  if (result.success) return { envelope: result.output };
  const [issue] = result.issues;
  const id = v.safeParse(EnvelopeSchema.entries.id, 'id' in value ? value.id : undefined);
  return { problem: describe(issue), id: id.success ? id.output : undefined };
}

function describe(issue: v.InferIssue<typeof EnvelopeSchema>): string {
  // Bounded, and without halves of characters: a record has to take the reason.
  const key = v.getDotPath(issue)?.slice(0, LONGEST_SHOWN).toWellFormed();
  if (issue.type === 'strict_object') {
    return issue.expected === 'never'
      ? `the envelope's key ${key} is not known`
      : `the envelope has no ${key}`;
  }
  const shown = JSON.stringify(issue.input) ?? String(issue.input);
  return `the envelope's ${key} is ${shown.slice(0, LONGEST_SHOWN).toWellFormed()}; allowed is ${issue.message}`;
}
