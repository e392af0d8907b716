import { isDeepStrictEqual } from 'node:util';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** The expressions of DynamoDB that the product uses. Any other throws. */

export type Item = Record<string, AttributeValue>;

export interface Names {
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Record<string, AttributeValue> | undefined;
}

type Scope = { item: Item; names: Names };
type Test = (scope: Scope) => boolean;
type Operand = (scope: Scope) => AttributeValue | undefined;
type Path = readonly (string | number)[];

/** Whether an item meets a condition, a filter or a key condition. An item that does not exist has no attributes. */
export function meets(expression: string | undefined, item: Item, names: Names): boolean {
  if (expression === undefined) return true;
  return cached(conditions, expression, () => {
    const tokens = new Tokens(expression);
    const test = readOr(tokens);
    tokens.end();
    return test;
  })({ item, names });
}

/** The item after an update. All of the update reads the item before it. */
export function updated(expression: string, item: Item, names: Names): Item {
  const actions = cached(updates, expression, () => readUpdate(new Tokens(expression)));
  const after = { ...item };
  for (const act of actions) act({ item, names }, after);
  return after;
}

const conditions = new Map<string, Test>();
const updates = new Map<string, Action[]>();

function cached<Kind>(all: Map<string, Kind>, expression: string, read: () => Kind): Kind {
  const known = all.get(expression);
  if (known) return known;
  const made = read();
  all.set(expression, made);
  return made;
}

class Tokens {
  readonly #all: string[];
  readonly #text: string;
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#all = text.match(/[#:]?\w+|<>|<=|>=|[=<>(),.[\]+-]|\S/g) ?? [];
  }

  get first(): string {
    return this.#all[this.#next] ?? '';
  }

  take(): string {
    this.#next += 1;
    return this.#all[this.#next - 1] ?? '';
  }

  /** Takes a token if it is this one. */
  skip(token: string): boolean {
    if (this.first.toUpperCase() !== token) return false;
    this.#next += 1;
    return true;
  }

  expect(token: string): void {
    if (!this.skip(token)) this.refuse();
  }

  end(): void {
    if (this.first !== '') this.refuse();
  }

  refuse(): never {
    throw new Error(`'${this.first}' is not understood in the expression ${this.#text}`);
  }
}

function readOr(tokens: Tokens): Test {
  const tests = [readAnd(tokens)];
  while (tokens.skip('OR')) tests.push(readAnd(tokens));
  return (scope) => tests.some((test) => test(scope));
}

function readAnd(tokens: Tokens): Test {
  const tests = [readNot(tokens)];
  while (tokens.skip('AND')) tests.push(readNot(tokens));
  return (scope) => tests.every((test) => test(scope));
}

function readNot(tokens: Tokens): Test {
  if (tokens.skip('NOT')) {
    const test = readNot(tokens);
    return (scope) => !test(scope);
  }
  if (tokens.skip('(')) {
    const test = readOr(tokens);
    tokens.expect(')');
    return test;
  }
  for (const [name, wanted] of [
    ['ATTRIBUTE_EXISTS', true],
    ['ATTRIBUTE_NOT_EXISTS', false],
  ] as const) {
    if (!tokens.skip(name)) continue;
    tokens.expect('(');
    const operand = readOperand(tokens);
    tokens.expect(')');
    return (scope) => (operand(scope) !== undefined) === wanted;
  }
  return readComparison(tokens);
}

function readComparison(tokens: Tokens): Test {
  const left = readOperand(tokens);
  if (tokens.skip('IN')) {
    tokens.expect('(');
    const list = readList(tokens);
    tokens.expect(')');
    return (scope) => list.some((one) => isEqual(left(scope), one(scope)));
  }
  if (tokens.skip('BETWEEN')) {
    const least = readOperand(tokens);
    tokens.expect('AND');
    const most = readOperand(tokens);
    return (scope) =>
      compare(left(scope), least(scope), (order) => order >= 0) &&
      compare(left(scope), most(scope), (order) => order <= 0);
  }
  const operator = tokens.take();
  const right = readOperand(tokens);
  switch (operator) {
    case '=':
      return (scope) => isEqual(left(scope), right(scope));
    case '<':
      return (scope) => compare(left(scope), right(scope), (order) => order < 0);
    case '<=':
      return (scope) => compare(left(scope), right(scope), (order) => order <= 0);
    case '>':
      return (scope) => compare(left(scope), right(scope), (order) => order > 0);
    case '>=':
      return (scope) => compare(left(scope), right(scope), (order) => order >= 0);
    default:
      return tokens.refuse();
  }
}

function readList(tokens: Tokens): Operand[] {
  const list = [readOperand(tokens)];
  while (tokens.skip(',')) list.push(readOperand(tokens));
  return list;
}

function readOperand(tokens: Tokens): Operand {
  if (tokens.first.startsWith(':')) return readValue(tokens);
  const path = readPath(tokens);
  return (scope) => valueAt(scope, path);
}

function readValue(tokens: Tokens): Operand {
  const name = tokens.take();
  return ({ names }) => {
    const value = names.ExpressionAttributeValues?.[name];
    if (value === undefined) throw new Error(`the value ${name} is not defined`);
    return value;
  };
}

function readPath(tokens: Tokens): Path {
  const path: (string | number)[] = [readName(tokens)];
  for (;;) {
    if (tokens.skip('.')) path.push(readName(tokens));
    else if (tokens.skip('[')) {
      path.push(Number(tokens.take()));
      tokens.expect(']');
    } else return path;
  }
}

function readName(tokens: Tokens): string {
  if (!/^#?\w+$/.test(tokens.first)) tokens.refuse();
  return tokens.take();
}

function nameOf(name: string, { ExpressionAttributeNames = {} }: Names): string {
  if (!name.startsWith('#')) return name;
  const full = ExpressionAttributeNames[name];
  if (full === undefined) throw new Error(`the name ${name} is not defined`);
  return full;
}

function valueAt({ item, names }: Scope, path: Path): AttributeValue | undefined {
  let value: AttributeValue | undefined = { M: item };
  for (const step of path)
    value = typeof step === 'number' ? value?.L?.[step] : value?.M?.[nameOf(step, names)];
  return value;
}

function isEqual(left: AttributeValue | undefined, right: AttributeValue | undefined): boolean {
  if (left?.N !== undefined && right?.N !== undefined) return Number(left.N) === Number(right.N);
  return left !== undefined && isDeepStrictEqual(left, right);
}

/** Values of two types, and what is absent, have no order. */
function compare(
  left: AttributeValue | undefined,
  right: AttributeValue | undefined,
  is: (order: number) => boolean,
): boolean {
  if (left?.N !== undefined && right?.N !== undefined) return is(Number(left.N) - Number(right.N));
  if (left?.S === undefined || right?.S === undefined) return false;
  return is(left.S < right.S ? -1 : left.S > right.S ? 1 : 0);
}

type Action = (before: Scope, after: Item) => void;

function readUpdate(tokens: Tokens): Action[] {
  const actions: Action[] = [];
  while (tokens.first !== '') {
    const verb = tokens.take().toUpperCase();
    do actions.push(readAction(tokens, verb));
    while (tokens.skip(','));
  }
  return actions;
}

function readAction(tokens: Tokens, verb: string): Action {
  const path = readPath(tokens);
  switch (verb) {
    case 'SET': {
      tokens.expect('=');
      const operand = readSetOperand(tokens);
      return (before, after) => setAt(after, path, before.names, operand(before));
    }
    case 'REMOVE':
      return (before, after) => setAt(after, path, before.names, undefined);
    case 'ADD': {
      const operand = readValue(tokens);
      return (before, after) => {
        const sum = Number(valueAt(before, path)?.N ?? 0) + Number(operand(before)?.N);
        setAt(after, path, before.names, { N: `${sum}` });
      };
    }
    default:
      return tokens.refuse();
  }
}

function readSetOperand(tokens: Tokens): Operand {
  for (const name of ['IF_NOT_EXISTS', 'LIST_APPEND'] as const) {
    if (!tokens.skip(name)) continue;
    tokens.expect('(');
    const first = readSetOperand(tokens);
    tokens.expect(',');
    const second = readSetOperand(tokens);
    tokens.expect(')');
    return name === 'IF_NOT_EXISTS'
      ? (scope) => first(scope) ?? second(scope)
      : (scope) => ({ L: [...(first(scope)?.L ?? []), ...(second(scope)?.L ?? [])] });
  }
  return readOperand(tokens);
}

/** Sets or removes what is at a path. The maps and lists on the way are copied, because the item before shares them. */
function setAt(item: Item, path: Path, names: Names, value: AttributeValue | undefined): void {
  const [first, ...rest] = path;
  const name = nameOf(String(first), names);
  if (rest.length === 0) {
    if (value === undefined) delete item[name];
    else item[name] = value;
    return;
  }
  item[name] = changedAt(item[name], rest, names, value);
}

function changedAt(
  parent: AttributeValue | undefined,
  [step = '', ...rest]: Path,
  names: Names,
  value: AttributeValue | undefined,
): AttributeValue {
  if (typeof step === 'number' && parent?.L && value !== undefined) {
    const list = [...parent.L];
    list[step] = rest.length === 0 ? value : changedAt(list[step], rest, names, value);
    return { L: list };
  }
  if (typeof step === 'string' && parent?.M) {
    const map = { ...parent.M };
    setAt(map, [step, ...rest], names, value);
    return { M: map };
  }
  throw Object.assign(
    new Error('The document path provided in the update expression is invalid for update'),
    {
      name: 'ValidationException',
    },
  );
}
