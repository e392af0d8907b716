import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { WorkerFleet } from '../../infra/worker-fleet.ts';

export interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
  DependsOn?: string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

/** A stack `Test` with one fleet `Fleet`, for any account and region. */
export function synthFleet(props?: WorkerFleetProps): { stack: Stack; fleet: WorkerFleet } {
  // Only the names of the assets matter here. Copies would fill the disk.
  const app = new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } });
  const stack = new Stack(app, 'Test');
  return { stack, fleet: new WorkerFleet(stack, 'Fleet', props) };
}

export function synthTemplate(props?: WorkerFleetProps): Template {
  return Template.fromStack(synthFleet(props).stack);
}

/** The resources of a type, by logical id. */
export function resourcesOf(template: Template, type: string): Record<string, Resource> {
  return template.findResources(type) as Record<string, Resource>;
}

/** The only resource of a type. */
export function onlyResource(template: Template, type: string): { id: string; resource: Resource } {
  const found = Object.entries(resourcesOf(template, type));
  const [first] = found;
  if (found.length !== 1 || !first)
    throw new Error(`${found.length} resources of type ${type}, expected one`);
  return { id: first[0], resource: first[1] };
}

/** The text of a value with intrinsic functions. References become `<LogicalId>` or `<LogicalId.Attribute>`. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, ...functions } = value as Record<string, unknown>;
  if (typeof Ref === 'string') return `<${Ref}>`;
  const join = functions['Fn::Join'] as [string, unknown[]] | undefined;
  if (join) return join[1].map(toText).join(join[0]);
  const attribute = functions['Fn::GetAtt'] as string[] | undefined;
  if (attribute) return `<${attribute.join('.')}>`;
  const sub = functions['Fn::Sub'];
  if (typeof sub === 'string') return sub.replaceAll(/\$\{([^}]*)\}/g, '<$1>');
  return toText(functions['Fn::Base64']);
}

export interface Statement {
  Action: string | string[];
  Effect: string;
  Resource: unknown;
  Condition?: unknown;
}

/** The policy statements of a role. `role` is the start of its logical id after `Fleet`. */
export function statementsOf(template: Template, role: string): Statement[] {
  return Object.values(resourcesOf(template, 'AWS::IAM::Policy'))
    .filter(({ Properties }) => toText((Properties['Roles'] as unknown[])[0]).startsWith(`<Fleet${role}`))
    .flatMap(({ Properties }) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement);
}

/** The permissions of a role as `action on resource`. References have no hash of the logical id. */
export function permissionsOf(template: Template, role: string): Set<string> {
  const rights = statementsOf(template, role).flatMap(({ Action, Resource }) =>
    [Action]
      .flat()
      .flatMap((action) => [Resource].flat().map((resource) => `${action} on ${named(resource)}`)),
  );
  return new Set(rights);
}

/** The ARN of a resource. References have no hash of the logical id. */
export function named(resource: unknown): string {
  return toText(resource)
    .replace(/[0-9a-f]{64}/, 'HASH')
    .replaceAll(/[0-9A-F]{8}(?=[.>-])/g, '');
}
