import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDeadLetterAttributes, redrivenFrom } from '../../jobs/dead-letter.ts';

const EPITAPH = { jobId: 'j', reason: 'exit status 1', exit: '1', source: 'https://sqs/q' };
const text = (value: string) => ({ DataType: 'String', StringValue: value });
const some = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`own${index}`, text('v')]));

test('a dead letter has the reason, the job, its exit and its queue beside its own attributes', () => {
  expect(createDeadLetterAttributes({ body: 'x', attributes: some(2) }, EPITAPH)).toEqual({
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
  const attributes = createDeadLetterAttributes({ body: 'x', attributes: some(count) }, EPITAPH);
  expect(Object.keys(attributes)).toEqual([...Object.keys(some(count)), ...ours]);
});

test('a body of the largest size stays, without the attributes that have no room', () => {
  const attributes = createDeadLetterAttributes({ body: 'x'.repeat(1_048_576), attributes: {} }, EPITAPH);
  expect(attributes).toEqual({});
});

/** "SendMessage": #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD, #x10000 to #x10FFFF. */
const TAKEN_BY_SQS = /^[\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]+$/u;

test.each([
  ['control characters', 'key "\u0000\u001b[2J"', 'key " [2J"'],
  ['noncharacters', 'key "\ufffe\uffff"', 'key " "'],
  ['a lone surrogate', 'key "\ud83d"', 'key " "'],
  ['characters beyond the first plane stay', 'key "🐛\u{1fffe}"', 'key "🐛\u{1fffe}"'],
  ['a character that is cut in two', `${'x'.repeat(999)}🐛`, 'x'.repeat(999)],
])('nothing that SQS would refuse is in a reason: %s', (_, reason, said) => {
  const attributes = createDeadLetterAttributes({ body: 'x', attributes: {} }, { ...EPITAPH, reason });
  expect(attributes['MayflyReason']?.StringValue).toBe(said);
});

test('SQS accepts every reason, which has at most 1000 characters', () => {
  const unit = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0xfffe, 0xffff, 0xd83d, 0xdc1b));
  const reasons = fc.array(unit, { maxLength: 1100 }).map((units) => String.fromCharCode(...units));
  fc.assert(
    fc.property(reasons, (reason) => {
      const attributes = createDeadLetterAttributes({ body: 'x', attributes: {} }, { ...EPITAPH, reason });
      const said = attributes['MayflyReason']?.StringValue;
      if (said === undefined) expect(reason).toBe('');
      else expect(said).toMatch(TAKEN_BY_SQS);
      expect(said?.length ?? 0).toBeLessThanOrEqual(1000);
    }),
  );
});

test('a message that was a dead letter before has the attributes of the last time only', () => {
  const attributes = createDeadLetterAttributes(
    { body: 'x', attributes: some(6) },
    { ...EPITAPH, reason: 'first' },
  );
  const { exit: _, ...second } = { ...EPITAPH, jobId: 'k' };
  expect(redrivenFrom(attributes)).toBe('j');
  expect(createDeadLetterAttributes({ body: 'x', attributes }, second)).toEqual({
    ...some(6),
    MayflyReason: text('exit status 1'),
    MayflyJobId: text('k'),
    MayflySource: text('https://sqs/q'),
  });
});

test.each(['', '1', 'x'.repeat(129), 'a b'])('an invalid job id names no earlier job: %j', (id) => {
  expect(redrivenFrom({ MayflyJobId: text(id) })).toBeUndefined();
});
