import type { CallAws } from '../../front-door/service.ts';
import { validationError } from '../errors.ts';
import { isRecord } from './parse.ts';

const REFERENCE = /\{\{resolve:([^:}]+):([^}]+)\}\}/g;

/** Replaces `{{resolve:ssm:name}}` and `{{resolve:ssm:name:version}}` anywhere in the value. Refuses other services. */
export async function resolveDynamicReferences(value: unknown, call: CallAws): Promise<unknown> {
  if (typeof value === 'string') return resolveText(value, call);
  if (Array.isArray(value)) return Promise.all(value.map((item) => resolveDynamicReferences(item, call)));
  if (!isRecord(value)) return value;
  const members = Object.entries(value).map(
    async ([key, member]) => [key, await resolveDynamicReferences(member, call)] as const,
  );
  return Object.fromEntries(await Promise.all(members));
}

async function resolveText(text: string, call: CallAws): Promise<string> {
  let result = text;
  for (const [reference, service = '', rest = ''] of text.matchAll(REFERENCE)) {
    result = result.replace(reference, () => '\u0000');
    const found = await lookUp(service, rest, call);
    result = result.replace('\u0000', () => found);
  }
  return result;
}

async function lookUp(service: string, rest: string, call: CallAws): Promise<string> {
  if (service !== 'ssm') {
    throw validationError(
      `Dynamic reference {{resolve:${service}:...}} is not supported; {{resolve:ssm:...}} is`,
    );
  }
  const answer = await call('ssm', 'GetParameters', { Names: [rest], WithDecryption: false });
  const [found] = (answer['Parameters'] ?? []) as { Value?: string; Type?: string }[];
  if (found?.Value !== undefined && found.Type !== 'SecureString') return found.Value;
  throw validationError(
    `Parameters: [ssm:${rest}:] cannot be resolved: the parameter store has no such plain parameter`,
  );
}
