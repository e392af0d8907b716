import type { CallAws } from '../front-door/service.ts';

/**
 * How CloudFormation makes, changes and removes one type of resource. One object per `AWS::X::Y`, registered in
 * `types/index.ts`; a type that is not there is refused by name.
 */
export interface ResourceType<Props = Record<string, unknown>> {
  /** `AWS::SQS::Queue` */
  type: string;
  /**
   * Every top-level property that is honoured (or is accepted because it has no effect that could be seen here).
   * Any other property fails the resource, by name.
   */
  properties: Record<string, 'update' | 'replace'>;
  create(props: Props, context: ResourceContext): Promise<Resource>;
  /** In place. Called only if every changed property is `'update'`. */
  update?(resource: Resource, props: Props, previous: Props, context: ResourceContext): Promise<Resource>;
  delete(resource: Resource, props: Props, context: ResourceContext): Promise<void>;
}

export interface Resource {
  /** What `Ref` gives. */
  physicalId: string;
  /** What `Fn::GetAtt` gives, by attribute name (nested ones with dots). */
  attributes: Record<string, unknown>;
}

export interface ResourceContext {
  stackName: string;
  stackId: string;
  logicalId: string;
  region: string;
  accountId: string;
  /** How resources are made: the services' own API. */
  call: CallAws;
  /** A physical name as CloudFormation makes it: `Stack-Logical-1A2B3C`, cut to `maxLength`. */
  generatedName(maxLength?: number): string;
  /** Tags of the stack and the `aws:cloudformation:*` ones, to be put on what is made. */
  stackTags: Record<string, string>;
  /** Aborted when the stack operation gives up waiting. */
  signal: AbortSignal;
}
