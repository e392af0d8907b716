import { expect, test } from 'vitest';
import { deadLetterAttributes, raisedFrom } from '../../jobs/dead-letter.ts';

const EPITAPH = { jobId: 'j', reason: 'exit status 1', exit: '1', source: 'https://sqs/q' };
const text = (value: string) => ({ DataType: 'String', StringValue: value });
const some = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`own${index}`, text('v')]));

test('says why, which job, how it ended and where it came from, beside the attributes it had', () => {
  expect(deadLetterAttributes({ body: 'x', attributes: some(2) }, EPITAPH)).toEqual({
    ...some(2),
    MayflyReason: text('exit status 1'),
    MayflyJobId: text('j'),
    MayflyExit: text('1'),
    MayflySource: text('https://sqs/q'),
  });
});

test.each([
  [8, ['MayflyReason', 'MayflyJobId']],
  [9, ['MayflyReason']],
  [10, []],
])('beside %i of its own, SQS has room for %j', (count, ours) => {
  const attributes = deadLetterAttributes({ body: 'x', attributes: some(count) }, EPITAPH);
  expect(Object.keys(attributes)).toEqual([...Object.keys(some(count)), ...ours]);
});

test('a body of the full size keeps its place, whatever there is no room for', () => {
  const attributes = deadLetterAttributes({ body: 'x'.repeat(1_048_576), attributes: {} }, EPITAPH);
  expect(attributes).toEqual({});
});

test('nothing that SQS would refuse is in a reason', () => {
  const { MayflyReason: reason } = deadLetterAttributes(
    { body: 'x', attributes: {} },
    { ...EPITAPH, reason: `key "\u0000\u001b[2J" is ${'x'.repeat(5000)}` },
  );
  expect(reason?.StringValue).not.toMatch(/\p{Cc}/u);
  expect(reason?.StringValue?.length).toBeLessThanOrEqual(1000);
});

test('of a message that was a dead letter before only the last death is told', () => {
  const attributes = deadLetterAttributes(
    { body: 'x', attributes: some(6) },
    { ...EPITAPH, reason: 'first' },
  );
  const { exit: _, ...second } = { ...EPITAPH, jobId: 'k' };
  expect(raisedFrom(attributes)).toBe('j');
  expect(deadLetterAttributes({ body: 'x', attributes }, second)).toEqual({
    ...some(6),
    MayflyReason: text('exit status 1'),
    MayflyJobId: text('k'),
    MayflySource: text('https://sqs/q'),
  });
});

test.each(['', '1', 'x'.repeat(129), 'a b'])('what no job can be called was never dead: %j', (id) => {
  expect(raisedFrom({ MayflyJobId: text(id) })).toBeUndefined();
});
