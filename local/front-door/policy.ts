import { type ConditionContext, evaluateConditions, substitute, wildcard } from './conditions.ts';

/** "Policy evaluation logic" of the IAM guide, for identity-based policies: deny, else allow, else deny. */

export interface PolicyDocument {
  Statement: PolicyStatement | PolicyStatement[];
}

export interface PolicyStatement {
  Effect: 'Allow' | 'Deny';
  /** Of resource policies alone: `{ AWS: ... }`, `{ Service: ... }` or `*`. */
  Principal?: unknown;
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
  Condition?: unknown;
}

export interface PolicyRequest {
  /** `sqs:SendMessage` */
  action: string;
  /** Each of them must be allowed. */
  resources: string[];
  context: ConditionContext;
}

export interface Decision {
  allowed: boolean;
  /** When refused: which resource, whether by a statement that denies, and what could not be judged. */
  resource?: string;
  explicit?: boolean;
  unknown?: string[];
}

export function evaluate(documents: PolicyDocument[], request: PolicyRequest): Decision {
  const statements = documents.flatMap((document) => [document.Statement].flat());
  for (const resource of request.resources) {
    const decision = evaluateResource(statements, request, resource);
    if (!decision.allowed) return decision;
  }
  return { allowed: true };
}

function evaluateResource(statements: PolicyStatement[], request: PolicyRequest, resource: string): Decision {
  const unknown: string[] = [];
  let allowed = false;
  for (const statement of statements) {
    if (!covers(statement, request, resource)) continue;
    const condition = evaluateConditions(statement.Condition, request.context);
    if (condition.unknown) unknown.push(condition.unknown);
    // What cannot be judged must not open a door: an operator unknown here lets a Deny strike.
    const deniedUnjudged = condition.unknown?.startsWith('condition operator') ?? false;
    if (statement.Effect === 'Deny' && (condition.holds || deniedUnjudged)) {
      return { allowed: false, resource, explicit: true, unknown };
    }
    if (statement.Effect === 'Allow' && condition.holds) allowed = true;
  }
  return allowed ? { allowed } : { allowed, resource, explicit: false, unknown };
}

function covers(statement: PolicyStatement, request: PolicyRequest, resource: string): boolean {
  const variables = new Map(
    Object.entries(request.context).map(([key, value]) => [key.toLowerCase(), value]),
  );
  const action = request.action.toLowerCase();
  const actionMatches = (pattern: string) => wildcard(action, pattern.toLowerCase());
  const resourceMatches = (pattern: string) => wildcard(resource, substitute(pattern, variables));
  return (
    applies(statement.Action, statement.NotAction, actionMatches) &&
    applies(statement.Resource, statement.NotResource, resourceMatches)
  );
}

function applies(
  patterns: string | string[] | undefined,
  except: string | string[] | undefined,
  matches: (pattern: string) => boolean,
): boolean {
  if (patterns !== undefined) return [patterns].flat().some(matches);
  return except !== undefined && ![except].flat().some(matches);
}
