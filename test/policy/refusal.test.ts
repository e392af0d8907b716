import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { brokenByRefusals } from '../../policy/broken.ts';
import {
  addFailure,
  classifyRefusal,
  classifySecretFailure,
  currentRefusals,
  findHoldingRefusal,
  isWaitingForAws,
  type Refusal,
  type RefusalKind,
  type Refusals,
} from '../../policy/refusal.ts';

test.each<[string, RefusalKind | undefined]>([
  ['AccessDenied', 'lasting'],
  ['AccessDeniedException', 'lasting'],
  ['UnauthorizedOperation', 'lasting'],
  ['InvalidClientTokenId', 'lasting'],
  ['UnrecognizedClientException', 'lasting'],
  ['KmsAccessDenied', 'lasting'],
  ['KmsDisabled', 'lasting'],
  ['KMS.NotFoundException', 'lasting'],
  ['QueueDoesNotExist', 'lasting'],
  ['AWS.SimpleQueueService.NonExistentQueue', 'lasting'],
  ['ResourceNotFoundException', 'lasting'],
  ['KmsThrottled', 'passing'],
  ['KMS.ThrottlingException', 'passing'],
  ['RequestThrottled', 'passing'],
  ['ProvisionedThroughputExceededException', 'passing'],
  ['OverLimit', 'passing'],
  ['InternalServerError', 'passing'],
  ['ServiceUnavailable', 'passing'],
  ['TimeoutError', 'passing'],
  ['CredentialsProviderError', 'passing'],
  ['Error', 'passing'],
  ['ValidationException', undefined],
  ['ConditionalCheckFailedException', undefined],
])('%s: %s', (name, kind) => {
  expect(classifyRefusal({ name })).toBe(kind);
});

describe('a secret that cannot be read', () => {
  test.each<[string, RefusalKind]>([
    ['AccessDeniedException', 'lasting'],
    ['ResourceNotFoundException', 'lasting'],
    // It is scheduled for deletion.
    ['InvalidRequestException', 'lasting'],
    ['InvalidParameterException', 'lasting'],
    ['DecryptionFailure', 'lasting'],
    ['ParameterNotFound', 'lasting'],
    ['ParameterVersionNotFound', 'lasting'],
    ['InvalidKeyId', 'lasting'],
    ['ValidationException', 'lasting'],
    ['UnrecognizedClientException', 'lasting'],
    ['ThrottlingException', 'passing'],
    ['InternalServiceError', 'passing'],
    ['InternalServerError', 'passing'],
    ['ExpiredTokenException', 'passing'],
    ['TimeoutError', 'passing'],
    ['NoCredentialsError', 'passing'],
  ])('%s: %s', (name, kind) => {
    expect(classifySecretFailure({ name })).toBe(kind);
  });
});

test.each<[refused: object, held: string | undefined]>([
  [{}, undefined],
  [{ receive: 'l', claim: 'l', report: 'l' }, undefined],
  [{ 'worker-role': 'p', secrets: 'p' }, undefined],
  [{ 'worker-role': 'l' }, 'worker-role'],
  [{ secrets: 'l' }, 'secrets'],
  [{ 'worker-role': 'p', secrets: 'l' }, 'secrets'],
])('refused %j: takes no job because of %s', (refused, held) => {
  const entries = Object.entries(refused).map(([what, story]) => [what, after(story)]);
  expect(findHoldingRefusal(Object.fromEntries(entries))).toBe(held);
});

/** One letter per failure: lasting or passing. A number is the seconds before the next. */
function after(story: string): Refusal {
  let atMs = 0;
  let refusal: Refusal | undefined;
  for (const [word] of story.matchAll(/\d+|[lp]/g)) {
    if (word === 'l' || word === 'p') {
      const kind = word === 'l' ? 'lasting' : 'passing';
      refusal = addFailure(refusal, { kind, error: 'no', atMs });
    } else atMs += Number(word) * 1000;
  }
  if (!refusal) throw new Error('no failure');
  return refusal;
}

describe('the duration of a refusal', () => {
  test.each([
    { story: 'l', forSeconds: 0, lastingSeconds: 0 },
    { story: 'l 10 l 20 l', forSeconds: 30, lastingSeconds: 30 },
    { story: 'p 10 p', forSeconds: 10, lastingSeconds: 0 },
    { story: 'p 10 l 20 l', forSeconds: 30, lastingSeconds: 20 },
    { story: 'l 10 l 20 p', forSeconds: 30, lastingSeconds: 0 },
    // All slots were busy for an hour, so nothing was refused in that time.
    { story: 'l 3600 l', forSeconds: 60, lastingSeconds: 60 },
  ])('$story: $forSeconds s, of a lasting kind $lastingSeconds s', ({ story, ...expected }) => {
    const { forMs, lastingMs } = after(story);
    expect({ forSeconds: forMs / 1000, lastingSeconds: lastingMs / 1000 }).toEqual(expected);
  });

  test('is never longer than the time that has passed, and the lasting part is never longer than the whole', () => {
    const failures = fc.array(
      fc.record({ kind: fc.constantFrom<RefusalKind>('lasting', 'passing'), gapMs: fc.nat(200_000) }),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(failures, (list) => {
        let atMs = 0;
        let refusal: Refusal | undefined;
        for (const { kind, gapMs } of list) {
          atMs += gapMs;
          refusal = addFailure(refusal, { kind, error: 'no', atMs });
        }
        expect(refusal?.lastingMs).toBeLessThanOrEqual(refusal?.forMs ?? -1);
        expect(refusal?.forMs).toBeLessThanOrEqual(atMs);
      }),
    );
  });
});

describe('with five minutes for a refusal, an instance', () => {
  const five = 'l 60 l 60 l 60 l 60 l 60 l';
  const outage = Array.from({ length: 16 }, () => 'p').join(' 60 ');
  test.each<{ name: string; refusals: { [What in keyof Refusals]?: string }; reason: string | undefined }>([
    { name: 'that is answered works', refusals: {}, reason: undefined },
    { name: 'that was just denied waits', refusals: { receive: 'l' }, reason: undefined },
    {
      name: 'that was denied for four minutes waits',
      refusals: { receive: five.slice(0, -5) },
      reason: undefined,
    },
    { name: 'that was denied for five retires', refusals: { receive: five }, reason: 'cannot-receive' },
    { name: 'waits for longer in an outage', refusals: { receive: outage.slice(0, -5) }, reason: undefined },
    { name: 'retires after three times as long', refusals: { receive: outage }, reason: 'cannot-receive' },
    { name: 'cannot claim', refusals: { claim: five }, reason: 'cannot-use-table' },
    { name: 'cannot report', refusals: { report: five }, reason: 'cannot-use-table' },
    {
      name: 'cannot assume the role',
      refusals: { 'worker-role': five },
      reason: 'cannot-assume-worker-role',
    },
    { name: 'cannot read the secrets', refusals: { secrets: five }, reason: 'cannot-read-secrets' },
    {
      name: 'waits for longer for secrets in an outage',
      refusals: { secrets: outage.slice(0, -5) },
      reason: undefined,
    },
    {
      name: 'retires after three times as long',
      refusals: { secrets: outage },
      reason: 'cannot-read-secrets',
    },
    {
      name: 'has no credentials for the secrets either',
      refusals: { 'worker-role': five, secrets: outage },
      reason: 'cannot-assume-worker-role',
    },
    { name: 'works while STS is down', refusals: { 'worker-role': outage }, reason: undefined },
    {
      name: 'that is denied everything retires for the role',
      refusals: { receive: five, claim: five, 'worker-role': five },
      reason: 'cannot-assume-worker-role',
    },
  ])('$name: $reason', ({ refusals, reason }) => {
    const entries = Object.entries(refusals).map(([what, story]) => [what, after(story)]);
    expect(brokenByRefusals(Object.fromEntries(entries), 300_000)?.reason).toBe(reason);
  });
});

test.each<{ name: string; refusals: Refusals; answered: boolean; waits: boolean }>([
  { name: 'the first receive is in progress', refusals: {}, answered: false, waits: true },
  { name: 'nothing is refused', refusals: {}, answered: true, waits: false },
  {
    name: 'an outage before the first answer',
    refusals: { receive: after('p') },
    answered: false,
    waits: true,
  },
  { name: 'an outage after it', refusals: { receive: after('p') }, answered: true, waits: false },
  { name: 'denied after it', refusals: { receive: after('l') }, answered: true, waits: true },
  { name: 'the table has an outage', refusals: { report: after('p') }, answered: true, waits: false },
  { name: 'the table is denied', refusals: { report: after('l') }, answered: true, waits: true },
  { name: 'the secrets are denied', refusals: { secrets: after('l') }, answered: true, waits: true },
  { name: 'the role is denied', refusals: { 'worker-role': after('l') }, answered: false, waits: true },
])('without a job, $name: waits for AWS is $waits', ({ refusals, answered, waits }) => {
  expect(isWaitingForAws(refusals, answered)).toBe(waits);
});

describe('a refusal from the instance’s last job', () => {
  const once = after('l');

  test.each(['claim', 'worker-role', 'secrets'])('%s: counts as long as an outage is waited for', (what) => {
    expect(currentRefusals({ [what]: once }, 899_999, 300_000)).toEqual({ [what]: once });
    expect(currentRefusals({ [what]: once }, 900_000, 300_000)).toEqual({});
  });

  test.each(['receive', 'report'])(
    '%s: counts until it is answered, because it is tried without a job',
    (what) => {
      expect(currentRefusals({ [what]: once }, 1e9, 300_000)).toEqual({ [what]: once });
    },
  );
});
