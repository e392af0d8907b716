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

test('every value of a record is read as it was written', () => {
  fc.assert(
    fc.property(value, (one) => {
      expect(fromAttribute(toAttribute(one))).toEqual(one);
    }),
  );
});

test('undefined attributes are left out, and null is read as absent', () => {
  expect(toItem({ a: undefined, b: 1, c: { d: undefined } })).toEqual({ b: { N: '1' }, c: { M: {} } });
  expect(fromItem({ a: { NULL: true }, b: { S: '' } })).toEqual({ b: '' });
});

test('a type that no record has is refused', () => {
  expect(() => fromItem({ a: { SS: ['x'] } })).toThrow('an attribute of type SS is in the table');
});
