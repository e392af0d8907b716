import { validationError } from '../errors.ts';
import { isRecord } from './parse.ts';

export type SubPart = { kind: 'text'; text: string } | { kind: 'name'; name: string; attribute?: string };

const COMPLAINT =
  'Template error: One or more Fn::Sub intrinsic functions do not specify expected arguments. Specify a string as ' +
  'first argument, and an optional second argument to specify a mapping of values to replace in the string';
const BAD_NAME =
  'Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, ' +
  'periods, and colons';

/** Parses the argument of `Fn::Sub`: `${Name}`, `${Resource.Attribute}`, `${!Literal}`. */
export function parseSub(argument: unknown): { parts: SubPart[]; variables: Record<string, unknown> } {
  const [text, variables = {}] = Array.isArray(argument) ? argument : [argument];
  if (typeof text !== 'string' || !isRecord(variables)) throw validationError(COMPLAINT);
  const parts: SubPart[] = [];
  let end = 0;
  for (const match of text.matchAll(/\$\{([^}]*)\}/g)) {
    parts.push({ kind: 'text', text: text.slice(end, match.index) });
    parts.push(readVariable(match[1] ?? '', variables));
    end = match.index + match[0].length;
  }
  parts.push({ kind: 'text', text: text.slice(end) });
  return { parts, variables };
}

function readVariable(inner: string, variables: Record<string, unknown>): SubPart {
  if (inner.startsWith('!')) return { kind: 'text', text: `\${${inner.slice(1)}}` };
  const name = inner.trim();
  if (!/^[\w.:]+$/.test(name)) throw validationError(`${BAD_NAME} (${inner})`);
  const dot = name.indexOf('.');
  if (dot < 0 || Object.hasOwn(variables, name)) return { kind: 'name', name };
  return { kind: 'name', name: name.slice(0, dot), attribute: name.slice(dot + 1) };
}
