/**
 * IAM condition blocks ("IAM JSON policy elements: Condition operators"). A block with an unknown operator does not
 * hold; the result names that operator, so that the log can show it.
 */

/** Only `ForAllValues` and `ForAnyValue` apply to keys with several values. */
export type ConditionContext = Record<string, string | readonly string[]>;

export interface ConditionResult {
  holds: boolean;
  /** An unknown operator, or a key that no call of this cloud has. */
  unknown?: string;
}

type Test = (actual: string, wanted: string) => boolean;

const TESTS: Record<string, Test> = {
  StringEquals: (actual, wanted) => actual === wanted,
  StringEqualsIgnoreCase: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
  StringLike: matchesWildcard,
  ArnEquals: matchesWildcard,
  ArnLike: matchesWildcard,
  Bool: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
  NumericEquals: (actual, wanted) => Number(actual) === Number(wanted),
  NumericLessThan: (actual, wanted) => Number(actual) < Number(wanted),
  NumericLessThanEquals: (actual, wanted) => Number(actual) <= Number(wanted),
  NumericGreaterThan: (actual, wanted) => Number(actual) > Number(wanted),
  NumericGreaterThanEquals: (actual, wanted) => Number(actual) >= Number(wanted),
  DateEquals: (actual, wanted) => Date.parse(actual) === Date.parse(wanted),
  DateLessThan: (actual, wanted) => Date.parse(actual) < Date.parse(wanted),
  DateLessThanEquals: (actual, wanted) => Date.parse(actual) <= Date.parse(wanted),
  DateGreaterThan: (actual, wanted) => Date.parse(actual) > Date.parse(wanted),
  DateGreaterThanEquals: (actual, wanted) => Date.parse(actual) >= Date.parse(wanted),
};

/** Operators that hold when the positive one does not hold, and also when the key is absent. */
const NEGATED: Record<string, string> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
  NumericNotEquals: 'NumericEquals',
  DateNotEquals: 'DateEquals',
};

/** `*` is any run of characters, `?` any one. */
export function matchesWildcard(actual: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*/g, '.*').replace(/\?/g, '.')}$`, 's').test(actual);
}

/** All operators and keys of a block must hold. For one key, any of its values must match; for a negated one, none. */
export function evaluateConditionBlock(block: unknown, context: ConditionContext): ConditionResult {
  const byLowerCase = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]));
  for (const [operator, keys] of Object.entries(asRecord(block))) {
    for (const [key, wanted] of Object.entries(asRecord(keys))) {
      const values = [wanted].flat().map((value) => substituteVariables(String(value), byLowerCase));
      const actual = byLowerCase.get(key.toLowerCase());
      const result = evaluateOne(operator, key, values, actual === undefined ? [] : [actual].flat());
      if (!result.holds) return result;
    }
  }
  return { holds: true };
}

function evaluateOne(
  operator: string,
  key: string,
  values: string[],
  actual: readonly string[],
): ConditionResult {
  const absent = actual.length === 0;
  if (operator === 'Null') return { holds: values.some((value) => (value === 'true') === absent) };
  const ifExists = operator.endsWith('IfExists');
  const all = operator.startsWith('ForAllValues:');
  const plain = operator.replace(/^For(AllValues|AnyValue):/, '').replace(/IfExists$/, '');
  const negated = NEGATED[plain];
  const test = TESTS[negated ?? plain];
  if (!test) return { holds: false, unknown: `condition operator ${operator}` };
  if (absent) {
    if (ifExists || negated || all) return { holds: true };
    return { holds: false, unknown: `condition key ${key}` };
  }
  const holds = (value: string) => values.some((one) => test(value, one)) === (negated === undefined);
  return { holds: all ? actual.every(holds) : actual.some(holds) };
}

/** Replaces policy variables: `${aws:userid}`, or `${key, 'default'}`. An unknown variable matches nothing. */
export function substituteVariables(
  text: string,
  context: ReadonlyMap<string, string | readonly string[]>,
): string {
  return text.replace(/\$\{([^}]+)\}/g, (_, variable: string) => {
    const [name = '', fallback] = variable.split(',').map((part) => part.trim());
    if (name === '*' || name === '?' || name === '$') return name;
    const value = context.get(name.toLowerCase());
    // A key with several values cannot be a variable ("IAM policy elements: Variables and tags").
    return typeof value === 'string' ? value : (fallback?.replace(/^'|'$/g, '') ?? '\u0000');
  });
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
