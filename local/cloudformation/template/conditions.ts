import { validationError } from '../errors.ts';
import { functionCall, resolve, type Scope } from './intrinsics.ts';
import { isRecord } from './parse.ts';
import type { RuleDeclaration, Template } from './template.ts';

/** The functions that return true or false. They are allowed in `Conditions` and `Rules` only. */
export const CONDITION_FUNCTIONS = new Set([
  ...[
    'Fn::And',
    'Fn::Or',
    'Fn::Not',
    'Fn::Equals',
    'Fn::Contains',
    'Fn::EachMemberEquals',
    'Fn::EachMemberIn',
  ],
]);

/** Evaluates every condition of the template, once. The scope resolves parameters and pseudo parameters. */
export function evaluateTemplateConditions(template: Template, scope: Scope): Record<string, boolean> {
  const results: Record<string, boolean> = {};
  const underWay = new Set<string>();
  const evaluateNamed = (name: string): boolean => {
    const known = results[name];
    if (known !== undefined) return known;
    const expression = template.conditions[name];
    if (expression === undefined)
      throw validationError(`Template error: unresolved condition dependency ${name}`);
    if (underWay.has(name)) {
      throw validationError(
        `Template error: Circular dependency between conditions: [${[...underWay].join(', ')}]`,
      );
    }
    underWay.add(name);
    const result = evaluateCondition(expression, { ...scope, condition: evaluateNamed });
    underWay.delete(name);
    results[name] = result;
    return result;
  };
  for (const name of Object.keys(template.conditions)) evaluateNamed(name);
  return results;
}

/** Refuses the parameters if an assertion of a rule does not hold, with the rule's own text. */
export function assertRules(rules: Record<string, RuleDeclaration>, scope: Scope): void {
  for (const [name, rule] of Object.entries(rules)) {
    if (rule.RuleCondition !== undefined && !evaluateCondition(rule.RuleCondition, scope)) continue;
    const failed = rule.Assertions.find((assertion) => !evaluateCondition(assertion.Assert, scope));
    if (failed) {
      throw validationError(
        `Template validation error: rule ${name}: ${failed.AssertDescription ?? 'an assertion does not hold'}`,
      );
    }
  }
}

/** Evaluates one boolean expression. */
export function evaluateCondition(expression: unknown, scope: Scope): boolean {
  if (isRecord(expression) && typeof expression['Condition'] === 'string') {
    return scope.condition(expression['Condition']);
  }
  const [name, argument] = functionCall(expression) ?? ['', undefined];
  const items = Array.isArray(argument) ? argument : [];
  switch (name) {
    case 'Fn::And':
      return operands(name, items, 2, 10).every((item) => evaluateCondition(item, scope));
    case 'Fn::Or':
      return operands(name, items, 2, 10).some((item) => evaluateCondition(item, scope));
    case 'Fn::Not':
      return !evaluateCondition(operands(name, items, 1, 1)[0], scope);
    case 'Fn::Equals':
      return equal(...both(name, items, scope));
    case 'Fn::Contains': {
      const [list, value] = both(name, items, scope);
      return asList(list).some((item) => equal(item, value));
    }
    case 'Fn::EachMemberEquals': {
      const [list, value] = both(name, items, scope);
      return asList(list).every((item) => equal(item, value));
    }
    case 'Fn::EachMemberIn': {
      const [list, allowed] = both(name, items, scope);
      return asList(list).every((item) => asList(allowed).some((other) => equal(item, other)));
    }
    default:
      return literalTruth(expression);
  }
}

function literalTruth(expression: unknown): boolean {
  if (expression === true || expression === 'true') return true;
  if (expression === false || expression === 'false') return false;
  throw validationError(`Template format error: ${JSON.stringify(expression)} is not a condition`);
}

function operands(name: string, items: unknown[], min: number, max: number): unknown[] {
  if (items.length >= min && items.length <= max) return items;
  const count = min === max ? String(min) : `${min} to ${max}`;
  throw validationError(
    `Template error: every ${name} object requires a list of ${count} boolean parameters.`,
  );
}

function both(name: string, items: unknown[], scope: Scope): [unknown, unknown] {
  if (items.length === 2) return [resolve(items[0], scope), resolve(items[1], scope)];
  throw validationError(`Template error: every ${name} object requires a list of 2 parameters.`);
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** Compares as CloudFormation does: scalars as text, structures by their content. */
function equal(a: unknown, b: unknown): boolean {
  const text = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  return text(a) === text(b);
}
