import type { ConditionContext } from './conditions.ts';
import { evaluate, type PolicyDocument } from './policy.ts';
import { AwsError, type Call, type Caller, type Input, type Operation, type Service } from './service.ts';
import { uniqueId } from './unique-id.ts';

export type PoliciesOf = (roleArn: string) => PolicyDocument[];

/**
 * Checks a role's call against the role's policies; the owner may do everything. Queue and bucket policies are
 * stored, but not consulted: within one account they can only add to what a role may do, or deny.
 */
export function authorize(
  service: Service,
  operation: Operation,
  input: Input,
  call: Call,
  policiesOf: PoliciesOf,
): void {
  const { caller } = call;
  if (caller.kind === 'owner') return;
  const action = `${service.iamPrefix ?? service.name}:${operation.iamAction ?? call.action}`;
  const resources = operation.resources?.(input) ?? ['*'];
  const context = { ...globalConditions(caller, call), ...operation.conditions?.(input) };
  const decision = evaluate(policiesOf(caller.roleArn), { action, resources, context });
  if (decision.allowed) return;
  const why = decision.explicit
    ? 'with an explicit deny in an identity-based policy'
    : `because no identity-based policy allows the ${action} action`;
  const unknown = decision.unknown?.length ? ` (not judged here: ${decision.unknown.join(', ')})` : '';
  const message = `User: ${principalArn(caller)} is not authorized to perform: ${action} on resource: ${decision.resource} ${why}${unknown}`;
  throw new AwsError('AccessDenied', message, 403);
}

export function principalArn(caller: Extract<Caller, { kind: 'role' }>): string {
  const [, , , , account, path = ''] = caller.roleArn.split(':');
  return `arn:aws:sts::${account}:assumed-role/${path.split('/').at(-1)}/${caller.sessionName}`;
}

/** "AWS global condition context keys", as far as a call to this cloud has them. */
function globalConditions(caller: Extract<Caller, { kind: 'role' }>, call: Call): ConditionContext {
  const account = caller.roleArn.split(':')[4] ?? '';
  const now = new Date();
  return {
    'aws:PrincipalArn': caller.roleArn,
    'aws:PrincipalAccount': account,
    'aws:PrincipalType': 'AssumedRole',
    'aws:RequestedRegion': call.region,
    'aws:CurrentTime': now.toISOString(),
    'aws:EpochTime': String(Math.floor(now.getTime() / 1000)),
    // The loopback interface stands in for TLS: policies that insist on it are meant for what ships.
    'aws:SecureTransport': 'true',
    'aws:ViaAWSService': 'false',
    'aws:userid': `${uniqueId('AROA', caller.roleArn)}:${caller.sessionName}`,
    // Sessions from an instance's metadata are named after the instance.
    ...(caller.sessionName.startsWith('i-')
      ? { 'ec2:SourceInstanceARN': `arn:aws:ec2:${call.region}:${account}:instance/${caller.sessionName}` }
      : {}),
  };
}
