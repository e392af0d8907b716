import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readJob, withBody } from '../../jobs/message.ts';

const RULES = { maxLimitSeconds: 43_190, tracked: true };
const ID = '5f1c6a1e-0000-4000-8000-000000000001';
const KEY = `m-${ID}`;

const read = (body: string, rules = RULES) => readJob(ID, body, rules);
const envelope = (fields: object) => JSON.stringify({ mayfly: 1, payload: 'x', ...fields });
const notification = (message: string) =>
  JSON.stringify({
    Type: 'Notification',
    MessageId: 'a',
    TopicArn: 'arn:aws:sns:eu-west-1:1:t',
    Message: message,
  });

describe('a body becomes a job', () => {
  test.each([
    ['a bare id', 'video-42', { id: KEY, stdin: 'video-42', argument: 'video-42' }],
    ['a bare id with the line break of echo', '42\n', { id: KEY, stdin: '42\n', argument: '42' }],
    ['words', 'two words', { id: KEY, stdin: 'two words', argument: 'two words' }],
    ['several lines', 'a\nb', { id: KEY, stdin: 'a\nb' }],
    ['an option', '--delete-all', { id: KEY, stdin: '--delete-all' }],
    ['blanks', '  \n', { id: KEY, stdin: '  \n' }],
    ['nothing', '', { id: KEY, stdin: '' }],
    ['a control character', 'a\u0007b', { id: KEY, stdin: 'a\u0007b' }],
    ['the longest argument', 'ä'.repeat(512), { id: KEY, stdin: 'ä'.repeat(512), argument: 'ä'.repeat(512) }],
    ['one byte more', `${'ä'.repeat(512)}x`, { id: KEY, stdin: `${'ä'.repeat(512)}x` }],
    ['an object', '{"a": 1}', { id: KEY, stdin: '{"a": 1}' }],
    [
      'an object with job_id',
      ' {"job_id": "v-1"}',
      { id: KEY, stdin: ' {"job_id": "v-1"}', argument: 'v-1' },
    ],
    ['a number as job_id', '{"job_id": 7}', { id: KEY, stdin: '{"job_id": 7}', argument: '7' }],
    ['an option as job_id', '{"job_id": "-x"}', { id: KEY, stdin: '{"job_id": "-x"}' }],
    ['an object as job_id', '{"job_id": {}}', { id: KEY, stdin: '{"job_id": {}}' }],
    ['broken JSON', '{"job_id": ', { id: KEY, stdin: '{"job_id": ', argument: '{"job_id": ' }],
    ['a list', '[1, 2]', { id: KEY, stdin: '[1, 2]', argument: '[1, 2]' }],
    ['an SNS notification', notification('v-1'), { id: KEY, stdin: 'v-1', argument: 'v-1' }],
    [
      'SNS around JSON',
      notification('{"job_id": "v"}'),
      { id: KEY, stdin: '{"job_id": "v"}', argument: 'v' },
    ],
    ['SNS around an envelope', notification(envelope({ id: 'j' })), { id: 'j', stdin: 'x', argument: 'x' }],
    ['an envelope without id', envelope({}), { id: KEY, stdin: 'x', argument: 'x' }],
    [
      'an envelope around JSON',
      envelope({ payload: { job_id: 'v', n: 1 } }),
      { id: KEY, stdin: '{"job_id":"v","n":1}', argument: 'v' },
    ],
    ['an envelope around null', envelope({ payload: null }), { id: KEY, stdin: 'null', argument: 'null' }],
    [
      'an envelope with everything',
      envelope({ id: 'job-1', limitSeconds: 5, group: 'db/1.blue', label: 'nightly', requestId: 'r-1' }),
      {
        ...{ id: 'job-1', stdin: 'x', argument: 'x', limitSeconds: 5 },
        ...{ group: 'db/1.blue', label: 'nightly', requestId: 'r-1' },
      },
    ],
    [
      'an envelope whose body is in the bucket',
      envelope({ id: 'job-1', payload: undefined, bodyKey: 'bodies/job-1', limitSeconds: 5 }),
      { id: 'job-1', stdin: '', bodyKey: 'bodies/job-1', limitSeconds: 5 },
    ],
  ])('%s', (_, body, job) => {
    expect(read(body)).toEqual({ kind: 'job', job });
  });
});

describe('a broken envelope says what is wrong, with the value and what is allowed', () => {
  test.each([
    ['an id like a number', { id: '42' }, KEY, /id is "42"; allowed is a job id that begins with a letter/],
    ['an id of another type', { id: 42 }, KEY, /id is 42; allowed is a job id/],
    ['an id too long', { id: `a${'b'.repeat(128)}` }, KEY, /128 in all at most/],
    ['no limit', { id: 'j', limitSeconds: 0 }, 'j', /limitSeconds is 0; allowed is at least 1 second/],
    [
      'a limit as text',
      { id: 'j', limitSeconds: '5' },
      'j',
      /limitSeconds is "5"; allowed is a number of seconds/,
    ],
    [
      'a limit beyond 12 hours',
      { id: 'j', limitSeconds: 43_200 },
      'j',
      /limitSeconds is 43200; allowed is at most 43190/,
    ],
    ['a key that is not known', { id: 'j', limit: 5 }, 'j', /key limit is not known/],
    ['another version', { mayfly: 2 }, KEY, /mayfly is 2; allowed is 1/],
    ['no payload', { payload: undefined }, KEY, /has no payload/],
    ['a payload and a bodyKey', { id: 'j', bodyKey: 'bodies/j' }, 'j', /both a payload and a bodyKey/],
    ['a bodyKey of another type', { id: 'j', bodyKey: 1 }, 'j', /bodyKey is 1; allowed is the key of an/],
    ['a group with a blank', { group: 'a b' }, KEY, /group is "a b"; allowed is a group that/],
    ['a group of three', { group: 'a/b/c' }, KEY, /with one \/ between family and group/],
    ['a group without a family', { group: '/a' }, KEY, /group is "\/a"; allowed is a group that/],
    ['a family without a group', { group: 'a/' }, KEY, /group is "a\/"; allowed is a group that/],
    ['a group too long', { group: `${'f'.repeat(64)}/${'g'.repeat(64)}` }, KEY, /128 in all at most/],
    ['a label with a blank', { label: 'a b' }, KEY, /label is "a b"; allowed is a label that/],
    ['a label with a slash', { label: 'a/b' }, KEY, /label is "a\/b"; allowed is a label that/],
  ])('%s', (_, fields, id, reason) => {
    expect(read(envelope(fields))).toEqual({ kind: 'broken', id, reason: expect.stringMatching(reason) });
  });

  test.each([
    ['group', { group: 'g' }],
    ['label', { label: 'l' }],
    ['requestId', { requestId: 'r' }],
  ])('%s is refused where no job table keeps it', (key, fields) => {
    const reading = read(envelope(fields), { ...RULES, tracked: false });
    expect(reading).toEqual({ kind: 'broken', id: KEY, reason: expect.stringContaining(key) });
  });
});

describe("a body in the bucket must be the job's own", () => {
  const read = (fields: object) => readJob(ID, JSON.stringify({ mayfly: 1, ...fields }), RULES);

  test.each([
    ["another job's", 'bodies/job-2'],
    ['another folder', 'jobs/job-1'],
    ['a detour', 'bodies/../bodies/job-1'],
    ['a longer name', 'bodies/job-1x'],
    ['nothing', ''],
  ])('%s is refused', (_, bodyKey) => {
    expect(read({ id: 'job-1', bodyKey })).toEqual({
      kind: 'broken',
      id: 'job-1',
      reason: `the envelope's bodyKey is "${bodyKey}"; allowed is bodies/job-1, by its own id`,
    });
  });

  test('needs an id', () => {
    expect(read({ bodyKey: `bodies/${KEY}` })).toMatchObject({
      kind: 'broken',
      reason: 'the envelope has a bodyKey but no id',
    });
  });

  test('is passed on like one that came with the message', () => {
    for (const body of ['video-1\n', '{"job_id": "v-1"}', '--option', '']) {
      const sent = read({ id: 'job-1', payload: body, limitSeconds: 5 });
      const fetched = read({ id: 'job-1', bodyKey: 'bodies/job-1', limitSeconds: 5 });
      if (sent.kind === 'broken' || fetched.kind === 'broken') throw new Error('broken');
      expect(withBody(fetched.job, body)).toEqual(sent.job);
    }
  });
});

describe('any body', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3000 }),
    fc.json(),
    fc.string({ maxLength: 20 }),
  );

  test('is read without an error, and reaches the worker unchanged if it is no envelope', () => {
    fc.assert(
      fc.property(anyText, (body) => {
        const reading = read(body);
        if (reading.kind === 'broken') return;
        expect(reading.job.stdin).toBe(body);
        expect(reading.job.id).toBe(KEY);
      }),
      { numRuns: 1000 },
    );
  });

  test('has an argument only if that is no option, has no line break and is short', () => {
    fc.assert(
      fc.property(anyText, (body) => {
        const reading = read(body);
        const argument = reading.kind === 'job' ? reading.job.argument : undefined;
        if (argument === undefined) return;
        expect(argument).not.toMatch(/^-|\p{Cc}|^\s*$/u);
        expect(Buffer.byteLength(argument)).toBeLessThanOrEqual(1024);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['id', `{"mayfly":1,"payload":1,"id":${'['.repeat(300_000)}${']'.repeat(300_000)}}`],
    ['unknown key', `{"mayfly":1,"payload":1,"${'x'.repeat(500_000)}":1}`],
    ['half a character', '{"mayfly":1,"payload":1,"\\ud83d":1}'],
  ])('an envelope that no record could take (%s) is refused with a reason that one can', (_, body) => {
    const reading = read(body);
    if (reading.kind !== 'broken') throw new Error('it was taken for a job');
    expect(reading.id).toMatch(/^m-/);
    expect(reading.reason.length).toBeLessThan(400);
    expect(reading.reason.isWellFormed()).toBe(true);
  });

  test('is a job or names what is wrong if it is an envelope of any shape', () => {
    fc.assert(
      fc.property(fc.object(), (fields) => {
        const reading = read(JSON.stringify({ ...fields, mayfly: 1 }));
        if (reading.kind === 'broken') expect(reading.reason).toMatch(/^the envelope/);
      }),
    );
  });
});
