import {
  type ConditionContext,
  evaluateConditionBlock,
  matchesWildcard,
  substituteVariables,
} from './conditions.ts';

/** "Policy evaluation logic" of the IAM guide, for identity-based policies: deny, else allow, else deny. */

export interface PolicyDocument {
  Statement: PolicyStatement | PolicyStatement[];
}

export interface PolicyStatement {
  Effect: 'Allow' | 'Deny';
  /** Only in resource policies: `{ AWS: ... }`, `{ Service: ... }` or `*`. */
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
  /** When refused: the resource, whether a statement denies it, and what could not be evaluated. */
  resource?: string;
  explicit?: boolean;
  unknown?: string[];
}

export function evaluatePolicies(documents: PolicyDocument[], request: PolicyRequest): Decision {
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
    if (!coversAction(statement, request.action)) continue;
    if (!coversResource(statement, resource, request.context)) continue;
    const judged = evaluateStatement(statement, request.context);
    if (judged.unknown) unknown.push(judged.unknown);
    if (judged.effect === 'Deny') return { allowed: false, resource, explicit: true, unknown };
    if (judged.effect === 'Allow') allowed = true;
  }
  return allowed ? { allowed } : { allowed, resource, explicit: false, unknown };
}

/** The effect of a statement that covers a request, by its conditions, and what of them could not be evaluated. */
export function evaluateStatement(
  { Effect, Condition }: PolicyStatement,
  context: ConditionContext,
): { effect?: 'Allow' | 'Deny'; unknown?: string } {
  const { holds, unknown } = evaluateConditionBlock(Condition, context);
  // An unknown condition must not give access: a Deny with an unknown operator applies.
  const unjudged = Effect === 'Deny' && (unknown?.startsWith('condition operator') ?? false);
  return { ...((holds || unjudged) && { effect: Effect }), ...(unknown !== undefined && { unknown }) };
}

export function coversAction({ Action, NotAction }: PolicyStatement, action: string): boolean {
  const called = action.toLowerCase();
  return applies(Action, NotAction, (pattern) => matchesWildcard(called, pattern.toLowerCase()));
}

export function coversResource(
  { Resource, NotResource }: PolicyStatement,
  resource: string,
  context: ConditionContext,
): boolean {
  const variables = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]));
  return applies(Resource, NotResource, (pattern) =>
    matchesWildcard(resource, substituteVariables(pattern, variables)),
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
