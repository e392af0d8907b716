import type { CallAws } from '../../front-door/service.ts';
import { errorReason, validationError } from '../errors.ts';
import { evaluateTemplateConditions } from '../template/conditions.ts';
import { resolveDynamicReferences } from '../template/dynamic-references.ts';
import { isUnknown, UNKNOWN_VALUE } from '../template/functions.ts';
import { NO_VALUE, resolve, type Scope } from '../template/intrinsics.ts';
import type { TemplateParameter } from '../template/parameters.ts';
import { isRecord } from '../template/parse.ts';
import type { Template } from '../template/template.ts';
import type { StackOutput, Target } from './stack.ts';

/** What a template's values are resolved against: the stack's names, and the state of its resources. */
export interface ResolutionSource {
  stackName: string;
  stackId: string;
  accountId: string;
  region: string;
  /** A resource's `Ref` and attributes; undefined if they are not known yet. */
  resource(logicalId: string): { physicalId: string; attributes: Record<string, unknown> } | undefined;
  /** The value of another stack's export. */
  exported(name: string): string | undefined;
}

type Evaluated = Pick<Target, 'template' | 'parameters' | 'conditions' | 'notificationArns'>;

/** The scope in which a template's values are resolved. */
export function createScope(target: Evaluated, context: ResolutionSource): Scope {
  const pseudo: Record<string, unknown> = {
    'AWS::AccountId': context.accountId,
    'AWS::NotificationARNs': target.notificationArns,
    'AWS::NoValue': NO_VALUE,
    'AWS::Partition': 'aws',
    'AWS::Region': context.region,
    'AWS::StackId': context.stackId,
    'AWS::StackName': context.stackName,
    'AWS::URLSuffix': 'amazonaws.com',
  };
  return {
    region: context.region,
    mappings: target.template.mappings,
    availabilityZones: (region) => ['a', 'b', 'c'].map((letter) => `${region}${letter}`),
    condition: (name) => target.conditions[name] === true,
    ref(name) {
      if (Object.hasOwn(pseudo, name)) return pseudo[name];
      const parameter = target.parameters[name];
      if (parameter) return parameter.value;
      return context.resource(name)?.physicalId ?? UNKNOWN_VALUE;
    },
    getAtt(logicalId, attribute) {
      const resource = context.resource(logicalId);
      if (!resource) return UNKNOWN_VALUE;
      const value = resource.attributes[attribute];
      if (value !== undefined) return value;
      throw validationError(`Template error: resource ${logicalId} has no attribute ${attribute}`);
    },
    importValue(name) {
      if (isUnknown(name)) return UNKNOWN_VALUE;
      const value = context.exported(name);
      if (value !== undefined) return value;
      throw validationError(`No export named ${name} found.`);
    },
  };
}

/** The conditions of a template with these parameters. */
export function resolveConditions(
  template: Template,
  parameters: Record<string, TemplateParameter>,
  context: ResolutionSource,
): Record<string, boolean> {
  const target = { template, parameters, conditions: {}, notificationArns: [] };
  return evaluateTemplateConditions(template, createScope(target, context));
}

/** Resolves a resource's properties, with the dynamic references in them. */
export async function resolveProperties(
  value: unknown,
  scope: Scope,
  call: CallAws,
): Promise<Record<string, unknown>> {
  const resolved = await resolveDynamicReferences(resolve(value, scope), call);
  return isRecord(resolved) ? resolved : {};
}

/** Resolves the outputs whose condition holds. */
export async function resolveOutputs(target: Target, scope: Scope, call: CallAws): Promise<StackOutput[]> {
  const present = Object.entries(target.template.outputs).filter(
    ([, { Condition }]) => Condition === undefined || scope.condition(Condition),
  );
  return Promise.all(
    present.map(async ([OutputKey, { Value, Description, Export }]) => {
      try {
        const [value, name] = (await resolveDynamicReferences(
          [resolve(Value, scope), resolve(Export?.Name ?? '', scope)],
          call,
        )) as [unknown, unknown];
        return {
          OutputKey,
          OutputValue: outputText(value),
          ...(Description === undefined ? {} : { Description }),
          ...(Export === undefined ? {} : { ExportName: String(name) }),
        };
      } catch (error) {
        throw validationError(`Output ${OutputKey}: ${errorReason(error)}`);
      }
    }),
  );
}

function outputText(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  throw validationError(
    'Template format error: the Value field of every Outputs member must evaluate to a String.',
  );
}
