import { optionalText } from '../../front-door/read.ts';
import type { Input } from '../../front-door/service.ts';
import { validationError } from '../errors.ts';

export interface Page<T> {
  items: T[];
  NextToken: string | undefined;
}

/** A page of a list that grows at its end. The token is the index of the next page's first item. */
export function pageOldestFirst<T>(input: Input, all: readonly T[], size = 100): Page<T> {
  const start = readToken(input) ?? 0;
  const end = start + size;
  return { items: all.slice(start, end), NextToken: end < all.length ? String(end) : undefined };
}

/** A page of a list that grows at its beginning. The token is the number of items left, so that pages do not shift. */
export function pageNewestFirst<T>(input: Input, all: readonly T[], size = 100): Page<T> {
  const start = Math.max(0, all.length - (readToken(input) ?? all.length));
  const left = all.length - start - size;
  return { items: all.slice(start, start + size), NextToken: left > 0 ? String(left) : undefined };
}

function readToken(input: Input): number | undefined {
  const token = optionalText(input, 'NextToken');
  if (token === undefined) return undefined;
  if (!/^\d+$/.test(token)) throw validationError(`NextToken ${token} is not one that was given out`);
  return Number(token);
}
