import { optionalInteger, optionalText } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';

/** One page of a list, by `MaxRecords` (default 50) and `NextToken`. */
export function paginate<T>(
  all: T[],
  input: Input,
  maximum = 100,
): { items: T[]; NextToken: string | undefined } {
  const size = optionalInteger(input, 'MaxRecords', { min: 1, max: maximum }) ?? 50;
  const from = Number(optionalText(input, 'NextToken') ?? 0);
  if (!Number.isInteger(from) || from < 0)
    throw new AwsError('InvalidNextToken', 'The NextToken is not valid.');
  const next = from + size;
  return { items: all.slice(from, next), NextToken: next < all.length ? String(next) : undefined };
}
