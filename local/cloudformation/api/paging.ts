import { optionalText } from '../../front-door/read.ts';
import type { Input } from '../../front-door/service.ts';
import { validationError } from '../errors.ts';

/** A page of a list; the token is the index of the next one's first item. */
export function page<T>(
  input: Input,
  all: readonly T[],
  size: number,
): { items: T[]; NextToken: string | undefined } {
  const token = optionalText(input, 'NextToken') ?? '0';
  if (!/^\d+$/.test(token)) throw validationError(`NextToken ${token} is not one that was given out`);
  const start = Number(token);
  const end = start + size;
  return { items: all.slice(start, end), NextToken: end < all.length ? String(end) : undefined };
}
