import type { ConditionContext } from './conditions.ts';
import { type Decision, evaluate, type PolicyDocument } from './policy.ts';
import { AwsError, type Call, type Caller, type Input, type Operation, type Service } from './service.ts';
import { judgeTrust, type Principal } from './trust.ts';
import { uniqueId } from './unique-id.ts';

export type PoliciesOf = (roleArn: string) => PolicyDocument[];

interface Request {
  action: string;
  resources: string[];
  context: ConditionContext;
}

/**
 * Checks a role's call against the role's policies; the owner may do everything. A role that is to be assumed has to
 * trust the caller besides, the owner too. Queue and bucket policies are stored, but not consulted: within one
 * account they can only add to what a role may do, or deny.
 */
export function authorize(
  service: Service,
  operation: Operation,
  input: Input,
  call: Call,
  policiesOf: PoliciesOf,
): void {
  const { caller } = call;
  if (caller.kind === 'owner' && !operation.trust) return;
  const resources = operation.resources?.(input) ?? ['*'];
  const principal = principalOf(caller, resources);
  const request: Request = {
    action: `${service.iamPrefix ?? service.name}:${operation.iamAction ?? call.action}`,
    resources,
    context: { ...globalConditions(caller, principal, call), ...operation.conditions?.(input) },
  };
  const refused = (decision: Decision) => refusal(principal, request, decision);
  const own: Decision =
    caller.kind === 'owner' ? { allowed: true } : evaluate(policiesOf(caller.roleArn), request);
  if (!own.allowed && own.explicit) throw refused(own);
  if (operation.trust) {
    const trust = judgeTrust(operation.trust(input), request.action, principal, request.context);
    if (trust === 'named' || (trust === 'account' && own.allowed)) return;
    throw untrusted(principal, request, trust === 'denied');
  }
  if (!own.allowed) throw refused(own);
}

/** Whether a caller may do something else than what it calls: what an answer says may hang on it. */
export function isAllowed(
  { caller }: Call,
  action: string,
  resource: string,
  policiesOf: PoliciesOf,
): boolean {
  if (caller.kind === 'owner') return true;
  return evaluate(policiesOf(caller.roleArn), { action, resources: [resource], context: {} }).allowed;
}

function refusal(principal: Principal, { action }: Request, decision: Decision): AwsError {
  const why = decision.explicit
    ? 'with an explicit deny in an identity-based policy'
    : `because no identity-based policy allows the ${action} action`;
  const unknown = decision.unknown?.length ? ` (not judged here: ${decision.unknown.join(', ')})` : '';
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

/** The owner is the root of the account that the call is about: there is one account here. */
function principalOf(caller: Caller, resources: string[]): Principal {
  const arn = caller.kind === 'role' ? caller.roleArn : resources[0];
  const account = arn?.split(':')[4] ?? '';
  if (caller.kind === 'owner') return { account, arns: [`arn:aws:iam::${account}:root`] };
  return { account, arns: [caller.roleArn, principalArn(caller)] };
}

/** "AWS global condition context keys", as far as a call to this cloud has them. */
function globalConditions(caller: Caller, { account, arns }: Principal, call: Call): ConditionContext {
  const now = new Date();
  return {
    'aws:PrincipalArn': arns[0] ?? '',
    'aws:PrincipalAccount': account,
    'aws:RequestedRegion': call.region,
    'aws:CurrentTime': now.toISOString(),
    'aws:EpochTime': String(Math.floor(now.getTime() / 1000)),
    // The loopback interface stands in for TLS: policies that insist on it are meant for what ships.
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
    // Sessions from an instance's metadata are named after the instance.
    ...(sessionName.startsWith('i-')
      ? { 'ec2:SourceInstanceARN': `arn:aws:ec2:${region}:${account}:instance/${sessionName}` }
      : {}),
  };
}
