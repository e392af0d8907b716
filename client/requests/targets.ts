import { isUtf8 } from 'node:buffer';
import * as v from 'valibot';
import { findGroupProblem, findTargetProblem } from '../../jobs/envelope.ts';
import { describeBadByte, linesOf } from '../../lib/lines.ts';
import { Problems } from './problems.ts';
import type { Candidate, Candidates } from './target-list.ts';
import { parseVariables, type Variables } from './variables.ts';

const LineSchema = v.strictObject({
  target: v.string('a target'),
  group: v.optional(v.string('a group')),
  vars: v.optional(v.custom<Variables>(isDictionary, 'an object with the variables of the target')),
});

const FORM = 'a line is the name of a target, or {"target": ..., "group"?, "vars"?}';

/**
 * Reads a file of targets: one a line, as its name or as `{"target": "s1", "group": "shop/web", "vars": {...}}`. Empty
 * lines are skipped, and so is what follows a `#` at the start of a line or, after a name, a blank and a `#`.
 *
 * @param chunks the bytes of the file
 * @param source its name in messages
 * @throws BadTargetsError that names the first ten lines that cannot be read
 */
export async function readTargets(chunks: AsyncIterable<Uint8Array>, source: string): Promise<Candidates> {
  const problems = new Problems();
  const candidates: Candidate[] = [];
  let line = 0;
  for await (const bytes of linesOf(chunks)) {
    line += 1;
    const read = readLine(bytes, line);
    if (typeof read === 'string') problems.add(`Line ${line} of ${source}: ${read}`);
    else if (read !== undefined) candidates.push(read);
  }
  problems.throwIfAny(source);
  return { source, candidates };
}

/** A text says what is wrong. Undefined: the line has no target. */
function readLine(bytes: Buffer, line: number): Candidate | string | undefined {
  if (!isUtf8(bytes)) return `it is not UTF-8: ${describeBadByte(bytes)}`;
  const text = bytes.toString('utf8').trim();
  if (text === '' || text.startsWith('#')) return undefined;
  if (text.startsWith('{')) return readJsonLine(text, line);
  const target = text.replace(/\s+#.*$/, '');
  const problem = findTargetProblem(target);
  return problem ?? { target, variables: {}, isChosen: true, line };
}

function readJsonLine(text: string, line: number): Candidate | string {
  let value: unknown;
  try {
    value = parseVariables(text);
  } catch {
    return `it is no JSON: ${excerpt(text)}; ${FORM}`;
  }
  const result = v.safeParse(LineSchema, value);
  if (!result.success) return describeIssue(result.issues[0]);
  const { target, group, vars = {} } = result.output;
  const problem =
    findTargetProblem(target) ?? (group === undefined ? undefined : findGroupProblem({ group }));
  if (problem !== undefined) return problem;
  return { target, variables: vars, isChosen: true, line, ...(group !== undefined && { group }) };
}

function describeIssue(issue: v.InferIssue<typeof LineSchema>): string {
  const key = v.getDotPath(issue) ?? '';
  if (issue.type === 'strict_object') {
    return issue.expected === 'never'
      ? `the key ${excerpt(JSON.stringify(key))} is unknown; ${FORM}`
      : `it has no ${key}; ${FORM}`;
  }
  return `its ${key} is ${excerpt(JSON.stringify(issue.input) ?? '')}; allowed is ${issue.message}`;
}

function isDictionary(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function excerpt(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200).toWellFormed()}…` : text;
}
