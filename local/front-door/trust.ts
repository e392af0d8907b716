import { type ConditionContext, evaluateConditions, wildcard } from './conditions.ts';
import type { PolicyDocument, PolicyStatement } from './policy.ts';

/** Who asks to assume a role, as a trust policy may name it. */
export interface Principal {
  account: string;
  /** Its ARNs: of the role and of the role's session, or of the account's root. */
  arns: string[];
}

/**
 * - `denied`: by a statement
 * - `named`: allowed by its own ARN, which within one account needs no policy of the caller's own
 * - `account`: allowed to whomever the account lets do it, so that the caller's own policies have to allow it too
 * - `none`: not trusted
 */
export type Trust = 'denied' | 'named' | 'account' | 'none';

/**
 * Judges a trust policy ("AssumeRole" of the STS API reference; "AWS JSON policy elements: Principal"). Services,
 * federated principals and `NotPrincipal` are nobody here. `*` counts as the account: nothing passes that AWS refuses.
 */
export function judgeTrust(
  document: PolicyDocument,
  action: string,
  principal: Principal,
  context: ConditionContext,
): Trust {
  let trust: Trust = 'none';
  for (const statement of [document.Statement].flat()) {
    const how = principalOf(statement, principal);
    if (how === undefined || !covers(statement, action)) continue;
    const condition = evaluateConditions(statement.Condition, context);
    const unjudged = condition.unknown?.startsWith('condition operator') ?? false;
    if (statement.Effect === 'Deny' && (condition.holds || unjudged)) return 'denied';
    if (statement.Effect === 'Allow' && condition.holds && trust !== 'named') trust = how;
  }
  return trust;
}

/** How a statement names the principal; undefined if it does not. */
function principalOf(
  { Principal: named }: PolicyStatement,
  { account, arns }: Principal,
): 'named' | 'account' | undefined {
  if (named === '*') return 'account';
  if (typeof named !== 'object' || named === null || !('AWS' in named)) return undefined;
  const wanted = [named.AWS].flat();
  const root = `arn:aws:iam::${account}:root`;
  if (wanted.some((one) => arns.includes(String(one)) && one !== root)) return 'named';
  return wanted.some((one) => one === '*' || one === account || one === root) ? 'account' : undefined;
}

function covers({ Action, NotAction }: PolicyStatement, action: string): boolean {
  const matches = (pattern: string) => wildcard(action.toLowerCase(), pattern.toLowerCase());
  if (Action !== undefined) return [Action].flat().some(matches);
  return NotAction !== undefined && ![NotAction].flat().some(matches);
}
