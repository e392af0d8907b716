import type * as v from 'valibot';
import type { CloudClock } from '../clock.ts';
import type { CallAws } from '../front-door/service.ts';

/**
 * How CloudFormation makes, changes and removes one type of resource. One object per `AWS::X::Y`, registered in
 * `types/index.ts`; a type that is not there is refused by name.
 */
export interface ResourceType<Props = Record<string, unknown>> {
  /** `AWS::SQS::Queue` */
  type: string;
  /**
   * What the properties may be, at every depth: what is not there fails the resource, by name. Properties that
   * have no effect that could be seen here are accepted.
   */
  schema: v.GenericSchema<unknown, Props>;
  /** Properties whose change takes a new resource; all, if there is no `update`. */
  createOnly: readonly string[];
  /** The property that names the resource: one that keeps its name cannot be replaced. */
  nameProperty?: string;
  /** A change of the stack's tags is a change of this resource: `update` sets tags. */
  taggable?: true;
  /** What `Fn::GetAtt` knows (nested ones with dots); `any` if only the resource itself can tell. */
  attributes: readonly string[] | 'any';
  /** Attributes that an update in place may change. */
  volatileAttributes?: readonly string[] | 'any';
  create(props: Props, context: ResourceContext): Promise<Resource>;
  /** In place. Called only if no `createOnly` property changed. Another physical id makes it a replacement. */
  update?(resource: Resource, props: Props, previous: Props, context: ResourceContext): Promise<Resource>;
  /** Must succeed for what is gone already. */
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
  /** `AWS::SQS::Queue` */
  type: string;
  region: string;
  accountId: string;
  /** How resources are made: the services' own API. */
  call: CallAws;
  clock: CloudClock;
  /** A URL of S3 at which somebody without rights may put this object. */
  presignPut(object: { Bucket: string; Key: string }): string;
  /** A physical name as CloudFormation makes it: `Stack-Logical-1A2B3C`, cut to `maxLength`. */
  generatedName(maxLength?: number): string;
  /** Tags of the stack and the `aws:cloudformation:*` ones, to be put on what is made. */
  stackTags: Record<string, string>;
  /** The stack's own tags before this update: what is no longer among `stackTags` is to be taken off. */
  previousStackTags: Record<string, string>;
  /** The resource's `UpdatePolicy`, resolved. */
  updatePolicy: unknown;
  /** Back to the last good target, after an update that failed. */
  rollingBack: boolean;
  /** An earlier update of it failed: it may be as it was before that one, or as that one wanted it, or in between. */
  uncertain: boolean;
  /** Says that the thing exists now: if a later call fails, the roll-back removes it. */
  exists(physicalId: string): void;
  /** Tells something in an event of the resource. */
  note(reason: string): void;
  /** Looks again and again until `look` gives something; rejects when the operation is given up. */
  until<T>(look: () => Promise<T | undefined>): Promise<T>;
  /** Aborted when the stack operation gives up waiting. */
  signal: AbortSignal;
}

/** Types the properties of a resource type by its schema, and forgets the type for the registry. */
export function resourceType<Props extends Record<string, unknown>>(
  definition: ResourceType<Props>,
): ResourceType {
  return definition as unknown as ResourceType;
}
