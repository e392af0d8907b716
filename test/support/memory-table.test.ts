import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { type Dynalite, startDynalite } from '../../local/services/dynamodb/engine.ts';
import { toAttribute, toItem } from '../../store/item.ts';
import { STATE_INDEX, TABLE_DEFINITION } from '../../store/table-schema.ts';
import { type Change, updateExpression } from '../../store/update-expression.ts';
import { MemoryTable } from './memory-table.ts';

let dynalite: Dynalite;
let made = 0;

beforeAll(async () => {
  dynalite = startDynalite();
  await dynalite('CreateTable', { TableName: 'jobs', ...TABLE_DEFINITION });
});

const key = fc.constantFrom('a', 'b');
const number = fc.nat(3);
const word = fc.constantFrom('held', 'queued', 'running');

/** Conditions of the kinds that the product has. */
const condition = fc.constantFrom(
  undefined,
  'attribute_not_exists(#pk)',
  'attribute_exists(#pk) AND attribute_not_exists(#state)',
  '#state = :state',
  '#state = :state AND #n < :n OR #state = :other AND #n < :n',
  '#state = :state AND (#n = :n OR attribute_not_exists(#n) AND (attribute_not_exists(#m) OR #m <= :n))',
  'attribute_not_exists(#n) AND NOT #state = :state',
  '#state IN (:state, :other) AND #n = :n',
  'attribute_exists(#map) AND attribute_not_exists(#list[0].#done)',
);

const change: fc.Arbitrary<Change> = fc
  .record({
    condition,
    values: fc.record({ ':state': word, ':other': word, ':n': number }),
    set: fc.record(
      {
        state: word,
        n: number,
        map: fc.record({ x: number }),
        listed: word,
        listedAt: word,
        'list[0].done': number,
      },
      { requiredKeys: [] },
    ),
    setOnce: fc.record({ once: number }, { requiredKeys: [] }),
    append: fc.record({ list: fc.constant([{ x: 1 }]) }, { requiredKeys: [] }),
    add: fc.record({ m: fc.integer({ min: -2, max: 2 }) }, { requiredKeys: [] }),
    remove: fc.subarray(['gone', 'label', 'once2']),
  })
  // DynamoDB refuses paths that overlap, and values that are not used.
  .filter(({ set, append }) => !('list[0].done' in set && 'list' in append))
  .map(({ condition: given, values, ...rest }) => ({
    ...rest,
    ...(given !== undefined && {
      condition: given,
      values: Object.fromEntries(Object.entries(values).filter(([name]) => given.includes(name))),
    }),
  }))
  .filter(({ set, setOnce, append, add, remove }) =>
    [set, setOnce, append, add, remove].some((one) => Object.keys(one).length > 0),
  ) as fc.Arbitrary<Change>;

type Call = readonly [action: string, input: (prefix: string) => object];

const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(key, change, fc.constantFrom('NONE', 'ALL_NEW'))
      .map(
        ([pk, given, ReturnValues]): Call => [
          'UpdateItem',
          (prefix) => ({ Key: toItem({ pk: `${prefix}${pk}` }), ReturnValues, ...updateExpression(given) }),
        ],
      ),
  },
  fc.tuple(key, word, fc.boolean()).map(
    ([pk, state, isNew]): Call => [
      'PutItem',
      (prefix) => ({
        Item: toItem({ pk: `${prefix}${pk}`, state, listed: state, listedAt: pk, other: true }),
        ...(isNew && { ConditionExpression: 'attribute_not_exists(pk)' }),
      }),
    ],
  ),
  fc.tuple(key, word).map(
    ([pk, state]): Call => [
      'DeleteItem',
      (prefix) => ({
        Key: toItem({ pk: `${prefix}${pk}` }),
        ConditionExpression: '#state = :state',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: { ':state': toAttribute(state) },
        ReturnValues: 'ALL_OLD',
      }),
    ],
  ),
  key.map(
    (pk): Call => ['GetItem', (prefix) => ({ Key: toItem({ pk: `${prefix}${pk}` }), ConsistentRead: true })],
  ),
  word.map(
    (state): Call => [
      'Query',
      () => ({
        IndexName: STATE_INDEX.name,
        KeyConditionExpression: `${STATE_INDEX.partitionKey} = :listed`,
        ExpressionAttributeValues: { ':listed': toAttribute(state) },
      }),
    ],
  ),
);

test('answers as the embedded DynamoDB does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
      made += 1;
      const table = new MemoryTable();
      for (const [action, input] of calls) {
        const own = { TableName: 'jobs', ...input(`${made}-`) };
        const theirs = await answerOf(dynalite(action, own));
        expect(onlyOwn(await answerOf(table.answer(`${action}Command`, own)))).toEqual(onlyOwn(theirs));
      }
    }),
    { numRuns: 60 },
  );
});

/** The items of earlier runs are in the table of the embedded DynamoDB too. */
function onlyOwn(answer: Record<string, unknown>): object {
  const items = answer['Items'] as { pk: { S: string } }[] | undefined;
  if (!items) return answer;
  const own = items.filter(({ pk }) => pk.S.startsWith(`${made}-`));
  return { Items: own.toSorted((one, other) => (one.pk.S < other.pk.S ? -1 : 1)) };
}

async function answerOf(answer: Promise<object>): Promise<Record<string, unknown>> {
  try {
    const { $metadata: _, ...rest } = (await answer) as Record<string, unknown>;
    return rest;
  } catch (error) {
    const { code, name } = error as { code?: string; name: string };
    return { error: code ?? name };
  }
}
