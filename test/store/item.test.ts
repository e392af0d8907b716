import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromAttribute, fromItem, type ItemValue, toAttribute, toItem } from '../../store/item.ts';

const { value } = fc.letrec<{ value: ItemValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
  ),
}));

test('whatever a record may hold comes back as it was', () => {
  fc.assert(
    fc.property(value, (one) => {
      expect(fromAttribute(toAttribute(one))).toEqual(one);
    }),
  );
});

test('what is unknown is left out, and what others wrote as null is unknown', () => {
  expect(toItem({ a: undefined, b: 1, c: { d: undefined } })).toEqual({ b: { N: '1' }, c: { M: {} } });
  expect(fromItem({ a: { NULL: true }, b: { S: '' } })).toEqual({ b: '' });
});

test('a type that no record of ours has is refused', () => {
  expect(() => fromItem({ a: { SS: ['x'] } })).toThrow('an attribute of type SS is in the table');
});
