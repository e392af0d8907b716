import { expect, test } from 'vitest';
import { updateExpression } from '../../store/update-expression.ts';

test('every part of a change has its clause, and every name a placeholder', () => {
  const change = updateExpression({
    condition: '#state = :running',
    values: { ':running': 'running' },
    set: { group: 'g', unknown: undefined },
    setOnce: { body: 'b' },
    append: { tries: [] },
    add: { attempts: 1 },
    remove: ['listing', 'signal'],
  });
  expect(change).toEqual({
    ConditionExpression: '#state = :running',
    UpdateExpression:
      'SET #group = :set_group, #body = if_not_exists(#body, :set_body), ' +
      '#tries = list_append(if_not_exists(#tries, :none), :append_tries) ' +
      'ADD #attempts :add_attempts REMOVE #listing, #signal',
    ExpressionAttributeNames: Object.fromEntries(
      ['state', 'group', 'body', 'tries', 'attempts', 'listing', 'signal'].map((name) => [`#${name}`, name]),
    ),
    ExpressionAttributeValues: {
      ':running': { S: 'running' },
      ':set_group': { S: 'g' },
      ':set_body': { S: 'b' },
      ':append_tries': { L: [] },
      ':none': { L: [] },
      ':add_attempts': { N: '1' },
    },
  });
});

test('a document path has a placeholder for each name, and one for its value', () => {
  expect(updateExpression({ set: { 'tries[12].log': 'x' } })).toEqual({
    UpdateExpression: 'SET #tries[12].#log = :set_tries_12_log',
    ExpressionAttributeNames: { '#tries': 'tries', '#log': 'log' },
    ExpressionAttributeValues: { ':set_tries_12_log': { S: 'x' } },
  });
});

test('a change that only removes has no values, since DynamoDB refuses an empty map', () => {
  expect(updateExpression({ remove: ['expires'] })).toEqual({
    UpdateExpression: 'REMOVE #expires',
    ExpressionAttributeNames: { '#expires': 'expires' },
  });
});

test('a change of the same shape has the same expressions and its own values', () => {
  const change = (to: string) =>
    updateExpression({ set: { state: to, reason: to === 'a' ? undefined : 'why' } });
  expect(change('a')).toEqual(change('a'));
  expect(change('b')).toEqual({
    UpdateExpression: 'SET #state = :set_state, #reason = :set_reason',
    ExpressionAttributeNames: { '#state': 'state', '#reason': 'reason' },
    ExpressionAttributeValues: { ':set_state': { S: 'b' }, ':set_reason': { S: 'why' } },
  });
  expect(change('c').ExpressionAttributeValues).toEqual({
    ':set_state': { S: 'c' },
    ':set_reason': { S: 'why' },
  });
});
