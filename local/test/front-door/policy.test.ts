import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateConditionBlock } from '../../front-door/conditions.ts';
import { evaluatePolicies, type PolicyStatement } from '../../front-door/policy.ts';

const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:jobs';

function decide(
  statements: PolicyStatement[],
  action = 'sqs:SendMessage',
  resources = [QUEUE],
  context = {},
) {
  return evaluatePolicies([{ Statement: statements }], { action, resources, context });
}

const allow = (rest: Partial<PolicyStatement>): PolicyStatement => ({
  Effect: 'Allow',
  Action: 'sqs:SendMessage',
  Resource: QUEUE,
  ...rest,
});

describe('policies', () => {
  test.each<[string, PolicyStatement[], boolean]>([
    ['nothing allows', [], false],
    ['an allow of the action on the resource', [allow({})], true],
    ['an allow of another action', [allow({ Action: 'sqs:ReceiveMessage' })], false],
    ['an allow of another resource', [allow({ Resource: `${QUEUE}-dead` })], false],
    ['an action with a wildcard', [allow({ Action: ['s3:*', 'sqs:Send*'] })], true],
    ['an action in another case', [allow({ Action: 'SQS:sendmessage' })], true],
    ['a resource with wildcards', [allow({ Resource: 'arn:aws:sqs:*:*:j?bs' })], true],
    ['a resource in another case', [allow({ Resource: QUEUE.replace('jobs', 'JOBS') })], false],
    ['a dot is not a wildcard', [allow({ Resource: QUEUE.replace('jobs', 'j.bs') })], false],
    ['a deny beside an allow', [allow({}), { Effect: 'Deny', Action: '*', Resource: '*' }], false],
    ['NotAction names another', [{ Effect: 'Allow', NotAction: 'sqs:DeleteQueue', Resource: '*' }], true],
    ['NotAction names it', [{ Effect: 'Allow', NotAction: 'sqs:*', Resource: '*' }], false],
    ['NotResource names another', [{ Effect: 'Allow', Action: '*', NotResource: `${QUEUE}-dead` }], true],
    ['NotResource names it', [{ Effect: 'Allow', Action: '*', NotResource: QUEUE }], false],
    ['an allow with no action at all', [{ Effect: 'Allow', Resource: '*' }], false],
  ])('%s', (_, statements, allowed) => {
    expect(decide(statements).allowed).toBe(allowed);
  });

  test('each resource of a call must be allowed; the refused one is named', () => {
    const decision = decide([allow({})], 'sqs:SendMessage', [QUEUE, `${QUEUE}-dead`]);
    expect(decision).toMatchObject({ allowed: false, resource: `${QUEUE}-dead`, explicit: false });
  });

  test('resources may have policy variables', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM's own placeholder.
    const statement = allow({ Resource: 'arn:aws:sqs:us-east-1:000000000000:${aws:PrincipalTag/fleet}' });
    expect(
      decide([statement], 'sqs:SendMessage', [QUEUE], { 'aws:PrincipalTag/fleet': 'jobs' }).allowed,
    ).toBe(true);
    expect(decide([statement], 'sqs:SendMessage', [QUEUE]).allowed).toBe(false);
  });

  test('an unknown condition allows nothing, and is named', () => {
    const strange = { Strange: { 'aws:x': 'y' } };
    expect(decide([allow({ Condition: strange })])).toMatchObject({
      allowed: false,
      unknown: ['condition operator Strange'],
    });
    const deny: PolicyStatement = { Effect: 'Deny', Action: '*', Resource: '*', Condition: strange };
    expect(decide([allow({}), deny])).toMatchObject({ allowed: false, explicit: true });
    const absent = { StringEquals: { 'aws:Absent': 'y' } };
    expect(decide([allow({ Condition: absent })])).toMatchObject({
      allowed: false,
      unknown: ['condition key aws:Absent'],
    });
  });

  test('a deny is never overruled, whatever its position', () => {
    const other = fc.constantFrom<PolicyStatement>(
      allow({}),
      allow({ Action: '*', Resource: '*' }),
      { Effect: 'Allow', NotAction: 'x:*', Resource: '*' },
      { Effect: 'Deny', Action: 'ec2:*', Resource: '*' },
    );
    fc.assert(
      fc.property(fc.array(other), fc.nat(), (others, position) => {
        const deny: PolicyStatement = { Effect: 'Deny', Action: 'sqs:Send*', Resource: '*' };
        const statements = others.toSpliced(position % (others.length + 1), 0, deny);
        return !decide(statements).allowed;
      }),
    );
  });
});

describe('conditions', () => {
  const context = {
    'aws:RequestedRegion': 'us-east-1',
    'aws:ResourceTag/fleet': 'tiles',
    'aws:SecureTransport': 'true',
    'aws:EpochTime': '1000',
    'aws:CurrentTime': '2026-01-02T00:00:00Z',
    'x:Keys': ['job#1', 'instance#1'],
  };

  test.each<[string, unknown, boolean]>([
    ['no conditions', undefined, true],
    ['StringEquals', { StringEquals: { 'aws:ResourceTag/fleet': 'tiles' } }, true],
    ['StringEquals, one of several', { StringEquals: { 'aws:ResourceTag/fleet': ['a', 'tiles'] } }, true],
    ['StringEquals, none', { StringEquals: { 'aws:ResourceTag/fleet': ['a', 'b'] } }, false],
    ['keys in another case', { StringEquals: { 'AWS:resourcetag/fleet': 'tiles' } }, true],
    ['StringNotEquals', { StringNotEquals: { 'aws:ResourceTag/fleet': ['a', 'b'] } }, true],
    ['StringNotEquals of an absent key', { StringNotEquals: { 'aws:Absent': 'a' } }, true],
    ['StringLike', { StringLike: { 'aws:ResourceTag/fleet': 't*s' } }, true],
    ['IfExists of an absent key', { StringEqualsIfExists: { 'aws:Absent': 'a' } }, true],
    ['IfExists of a present key', { StringEqualsIfExists: { 'aws:ResourceTag/fleet': 'a' } }, false],
    ['Bool', { Bool: { 'aws:SecureTransport': 'false' } }, false],
    ['Bool as JSON has it', { Bool: { 'aws:SecureTransport': true } }, true],
    ['NumericLessThan', { NumericLessThan: { 'aws:EpochTime': '1001' } }, true],
    ['DateGreaterThan', { DateGreaterThan: { 'aws:CurrentTime': '2026-01-01T00:00:00Z' } }, true],
    ['Null of a present key', { Null: { 'aws:ResourceTag/fleet': 'false' } }, true],
    ['Null of an absent key', { Null: { 'aws:Absent': 'true' } }, true],
    ['ForAnyValue of several', { 'ForAnyValue:StringLike': { 'x:Keys': 'job#*' } }, true],
    ['ForAnyValue, none', { 'ForAnyValue:StringLike': { 'x:Keys': 'fleet' } }, false],
    ['ForAllValues of several', { 'ForAllValues:StringLike': { 'x:Keys': ['job#*', 'instance#*'] } }, true],
    ['ForAllValues, but one', { 'ForAllValues:StringLike': { 'x:Keys': 'job#*' } }, false],
    ['ForAllValues, negated', { 'ForAllValues:StringNotLike': { 'x:Keys': 'fleet' } }, true],
    ['ForAllValues, negated, but one', { 'ForAllValues:StringNotLike': { 'x:Keys': 'job#*' } }, false],
    ['ForAllValues of an absent key', { 'ForAllValues:StringLike': { 'x:Absent': 'job#*' } }, true],
    ['Null of several', { Null: { 'x:Keys': 'false' } }, true],
    ['ForAnyValue', { 'ForAnyValue:StringEquals': { 'aws:ResourceTag/fleet': 'tiles' } }, true],
    [
      'two operators, one fails',
      { Bool: { 'aws:SecureTransport': 'true' }, StringEquals: { 'aws:RequestedRegion': 'x' } },
      false,
    ],
  ])('%s', (_, block, holds) => {
    expect(evaluateConditionBlock(block, context).holds).toBe(holds);
  });
});
