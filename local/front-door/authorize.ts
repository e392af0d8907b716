import { INTERNAL_CALLER } from './call-log.ts';
import type { ConditionContext } from './conditions.ts';
import { type Decision, evaluatePolicies, type PolicyDocument } from './policy.ts';
import { evaluateResourcePolicies, type Principal } from './resource-policy.ts';
import {
  AwsError,
  type Call,
  type Caller,
  type Input,
  type KeyUse,
  type Operation,
  type Service,
} from './service.ts';
import { uniqueId } from './unique-id.ts';

export type PoliciesOf = (roleArn: string) => PolicyDocument[];

/** The account that everything is in, with the policies of its roles. */
export interface PolicyAccount {
  accountId: string;
  policiesOf: PoliciesOf;
}

interface Request {
  action: string;
  resources: string[];
  context: ConditionContext;
}

/** Checks that the policies allow a caller the call, and the use of the KMS keys that the call needs. */
export function authorize(
  service: Service,
  operation: Operation,
  input: Input,
  call: Call,
  account: PolicyAccount,
): void {
  requireRight(service, operation, input, call, account);
  if (isInside(call.caller)) return;
  for (const use of operation.keyUses?.(input) ?? []) requireKey(service, use, call, account);
}

/**
 * Checks a call against the policies of the caller's role and those of the resource ("Determining whether a request is
 * allowed within an account"). The owner is the root of the account: it may do everything that no resource denies. A
 * role that is to be assumed must also trust the caller, even the owner.
 */
function requireRight(
  service: Service,
  operation: Operation,
  input: Input,
  call: Call,
  account: PolicyAccount,
): void {
  const { caller } = call;
  const documents = operation.resourcePolicies?.(input) ?? [];
  if (caller.kind === 'owner' && documents.length === 0 && !operation.trust) return;
  const resources = operation.resources?.(input) ?? ['*'];
  const principal = principalOf(caller, account);
  const request: Request = {
    action: `${service.iamPrefix ?? service.name}:${operation.iamAction ?? call.action}`,
    resources,
    context: { ...globalConditions(caller, principal, call), ...operation.conditions?.(input) },
  };
  const decision = decide(caller, principal, request, account, documents);
  if (!decision.allowed && decision.explicit) throw refusal(principal, request, decision);
  if (operation.trust) {
    const trust = evaluateResourcePolicies([operation.trust(input)], request, principal);
    // For a role, `*` counts as the account, so that this cloud allows nothing that AWS refuses.
    if (trust === 'named' || (trust !== 'denied' && trust !== 'none' && decision.allowed)) return;
    throw untrusted(principal, request, trust === 'denied');
  }
  if (!decision.allowed) throw refusal(principal, request, decision);
}

/** "Key policies in AWS KMS": a key's policy has to allow the caller, or to delegate to the account's policies. */
function requireKey(
  { name, keyRefusal }: Service,
  { arn, policy, actions, conditions }: KeyUse,
  call: Call,
  account: PolicyAccount,
): void {
  const { caller } = call;
  const principal = principalOf(caller, account);
  const context = {
    ...globalConditions(caller, principal, call),
    'kms:ViaService': `${name}.${call.region}.amazonaws.com`,
    'kms:CallerAccount': principal.account,
    ...conditions,
  };
  for (const action of actions) {
    const request = { action, resources: [arn], context };
    const own = ownDecision(caller, request, account);
    const verdict = evaluateResourcePolicies([policy], { action, resource: arn, context }, principal);
    const isNamed = verdict === 'named' && !own.explicit;
    if (isNamed || (own.allowed && (verdict === 'account' || verdict === 'everyone'))) continue;
    const { message } = refusal(principal, request, { resource: arn, ...own });
    throw keyRefusal ? new AwsError(keyRefusal, message) : new AwsError('AccessDenied', message, 403);
  }
}

function ownDecision(caller: Caller, request: Request, { policiesOf }: PolicyAccount): Decision {
  return caller.kind === 'owner' ? { allowed: true } : evaluatePolicies(policiesOf(caller.roleArn), request);
}

/**
 * Whether a caller is allowed another action than the one it calls. Some answers depend on it.
 *
 * @param documents policies of the resource
 */
export function isAllowed(
  call: Call,
  action: string,
  resource: string,
  account: PolicyAccount,
  documents: readonly PolicyDocument[],
): boolean {
  const { caller } = call;
  const principal = principalOf(caller, account);
  const request = { action, resources: [resource], context: globalConditions(caller, principal, call) };
  return decide(caller, principal, request, account, documents).allowed;
}

type SourcedDecision = Decision & { source?: 'resource' };

/** Combines the caller's own policies with those of the resource. */
function decide(
  caller: Caller,
  principal: Principal,
  request: Request,
  account: PolicyAccount,
  documents: readonly PolicyDocument[],
): SourcedDecision {
  const own = ownDecision(caller, request, account);
  if (!own.allowed && own.explicit) return own;
  if (documents.length === 0 || isBeyondPolicies(caller, request.action)) return own;
  const { action, context } = request;
  const verdicts = request.resources.map((resource) =>
    evaluateResourcePolicies(documents, { action, resource, context }, principal),
  );
  const denied = verdicts.indexOf('denied');
  const resource = request.resources[denied];
  if (resource !== undefined) return { allowed: false, explicit: true, resource, source: 'resource' };
  return verdicts.every((verdict) => verdict === 'named' || verdict === 'everyone') ? { allowed: true } : own;
}

/**
 * True for calls of the cloud's own services, and for the calls that the account's root may make whatever a policy
 * denies, so that nobody is locked out ("Bucket policies for Amazon S3"; "SQSUnlockQueuePolicy").
 */
function isBeyondPolicies(caller: Caller, action: string): boolean {
  return isInside(caller) || (caller.kind === 'owner' && KEYS_OF_THE_ROOT.includes(action));
}

const isInside = (caller: Caller): boolean =>
  caller.kind === 'owner' && caller.accessKeyId === INTERNAL_CALLER;

const KEYS_OF_THE_ROOT = [
  ...['s3:GetBucketPolicy', 's3:PutBucketPolicy', 's3:DeleteBucketPolicy'],
  ...['sqs:GetQueueAttributes', 'sqs:SetQueueAttributes'],
];

function refusal(principal: Principal, { action }: Request, decision: SourcedDecision): AwsError {
  const why = decision.explicit
    ? `with an explicit deny in ${decision.source === 'resource' ? 'a resource' : 'an identity'}-based policy`
    : `because no identity-based policy allows the ${action} action`;
  const unknown = decision.unknown?.length ? ` (not evaluated here: ${decision.unknown.join(', ')})` : '';
  return accessDenied(principal, action, decision.resource, `${why}${unknown}`);
}

function untrusted(principal: Principal, { action, resources }: Request, denied: boolean): AwsError {
  const why = denied
    ? "with an explicit deny in the role's trust policy"
    : "because the role's trust policy does not allow it, or no identity-based policy does";
  return accessDenied(principal, action, resources[0], why);
}

function accessDenied(principal: Principal, action: string, resource: string | undefined, why: string) {
  const user = principal.arns.at(-1);
  const message = `User: ${user} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
  return new AwsError('AccessDenied', message, 403);
}

export function principalArn(caller: Extract<Caller, { kind: 'role' }>): string {
  const [, , , , account, path = ''] = caller.roleArn.split(':');
  return `arn:aws:sts::${account}:assumed-role/${path.split('/').at(-1)}/${caller.sessionName}`;
}

/** The owner is the root of the account. */
function principalOf(caller: Caller, { accountId }: PolicyAccount): Principal {
  if (caller.kind === 'owner') return { account: accountId, arns: [`arn:aws:iam::${accountId}:root`] };
  const account = caller.roleArn.split(':')[4] ?? '';
  return { account, arns: [caller.roleArn, principalArn(caller)] };
}

/** "AWS global condition context keys", those that a call to this cloud has. */
function globalConditions(caller: Caller, { account, arns }: Principal, call: Call): ConditionContext {
  const now = new Date();
  return {
    'aws:PrincipalArn': arns[0] ?? '',
    'aws:PrincipalAccount': account,
    'aws:RequestedRegion': call.region,
    // There is no other account.
    'aws:ResourceAccount': account,
    ...(call.service === 's3' ? { 's3:ResourceAccount': account } : {}),
    'aws:CurrentTime': now.toISOString(),
    'aws:EpochTime': String(Math.floor(now.getTime() / 1000)),
    // The loopback interface stands in for TLS: policies that require TLS are written for the real AWS.
    'aws:SecureTransport': 'true',
    'aws:ViaAWSService': 'false',
    ...(caller.kind === 'role' ? sessionConditions(caller, account, call.region) : {}),
  };
}

function sessionConditions(
  { roleArn, sessionName }: Extract<Caller, { kind: 'role' }>,
  account: string,
  region: string,
): ConditionContext {
  return {
    'aws:PrincipalType': 'AssumedRole',
    'aws:userid': `${uniqueId('AROA', roleArn)}:${sessionName}`,
    // The metadata service names a session after its instance.
    ...(sessionName.startsWith('i-')
      ? { 'ec2:SourceInstanceARN': `arn:aws:ec2:${region}:${account}:instance/${sessionName}` }
      : {}),
  };
}
