import type { ConditionContext } from './conditions.ts';
import {
  coversAction,
  coversResource,
  evaluateStatement,
  type PolicyDocument,
  type PolicyStatement,
} from './policy.ts';
import { AwsError } from './service.ts';

/** The caller, as a resource's policy (a role's trust policy, a bucket's, a queue's) may name it. */
export interface Principal {
  account: string;
  /** Its ARNs: of the role and of the role's session, or of the account's root. */
  arns: string[];
}

export interface ResourceRequest {
  action: string;
  /** Absent for trust policies, which have no `Resource`. */
  resource?: string;
  context: ConditionContext;
}

/**
 * - `denied`: a statement denies it
 * - `named`: allowed by the principal's own ARN; within one account the caller then needs no policy of its own
 * - `everyone`: allowed by `*`
 * - `account`: allowed to the account, so that the caller's own policies have to allow it too
 * - `none`: not allowed
 */
export type Verdict = 'denied' | Allowance | 'none';
type Allowance = 'named' | 'everyone' | 'account';

/** Sorted: the further back an allowance stands, the more it needs besides. */
const ALLOWANCES: readonly Allowance[] = ['named', 'everyone', 'account'];

/**
 * Evaluates policies of a resource ("Determining whether a request is allowed within an account"; "AWS JSON policy
 * elements: Principal"). Statements for services and federated principals match no caller here.
 */
export function evaluateResourcePolicies(
  documents: readonly PolicyDocument[],
  { action, resource, context }: ResourceRequest,
  principal: Principal,
): Verdict {
  const allowances = new Set<Allowance>();
  for (const statement of documents.flatMap((document) => [document.Statement].flat())) {
    const how = principalOf(statement, principal);
    if (how === undefined || !coversAction(statement, action)) continue;
    if (resource !== undefined && !coversResource(statement, resource, context)) continue;
    const { effect } = evaluateStatement(statement, context);
    if (effect === 'Deny') return 'denied';
    if (effect === 'Allow') allowances.add(how);
  }
  return ALLOWANCES.find((one) => allowances.has(one)) ?? 'none';
}

/** How a statement names the principal; undefined if it does not. */
function principalOf(
  { Principal: named }: PolicyStatement,
  { account, arns }: Principal,
): Allowance | undefined {
  if (named === '*') return 'everyone';
  if (typeof named !== 'object' || named === null || !('AWS' in named)) return undefined;
  const wanted = [named.AWS].flat();
  const root = `arn:aws:iam::${account}:root`;
  if (wanted.some((one) => arns.includes(String(one)) && one !== root)) return 'named';
  if (wanted.includes('*')) return 'everyone';
  return wanted.some((one) => one === account || one === root) ? 'account' : undefined;
}

/**
 * Reads the policy of a bucket or a queue.
 *
 * @param code the error code, which differs by service
 * @throws `AwsError` if the text is not a policy, or has an element that is not evaluated here
 */
export function readResourcePolicy(text: string, code: string): PolicyDocument {
  const document = parsed(text);
  const statements = [document?.Statement].flat();
  if (!document || statements.length === 0 || !statements.every(isStatement)) {
    throw new AwsError(code, 'The policy is not in the valid JSON format.');
  }
  if (statements.some((statement) => 'NotPrincipal' in statement)) {
    throw new AwsError(code, 'The embedded cloud does not evaluate NotPrincipal: name the principals.');
  }
  if (statements.some(({ Principal }) => Principal === undefined)) {
    throw new AwsError(code, 'Missing required field Principal');
  }
  return document;
}

function parsed(text: string): PolicyDocument | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

function isStatement(value: unknown): value is PolicyStatement {
  if (typeof value !== 'object' || value === null) return false;
  const { Effect, Action, NotAction } = value as Partial<PolicyStatement>;
  return (Effect === 'Allow' || Effect === 'Deny') && (Action ?? NotAction) !== undefined;
}
