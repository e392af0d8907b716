import type * as v from 'valibot';
import type { CloudClock } from '../clock.ts';
import type { CallAws } from '../front-door/service.ts';

/**
 * How CloudFormation creates, updates and deletes one type of resource. There is one object per `AWS::X::Y`, registered
 * in `types/index.ts`. A type that is not there is refused by name.
 */
export interface ResourceType<Props = Record<string, unknown>> {
  /** `AWS::SQS::Queue` */
  type: string;
  /**
   * The allowed properties, at every depth. An unknown property fails the resource and is named. Properties whose
   * effect cannot be seen in this cloud are accepted.
   */
  schema: v.GenericSchema<unknown, Props>;
  /** Properties whose change requires replacement; all, if there is no `update`. */
  createOnly: readonly string[];
  /** The property that names the resource. A resource that keeps its name cannot be replaced. */
  nameProperty?: string;
  /** A change of the stack's tags updates this resource: `update` sets tags. */
  taggable?: true;
  /** The attributes of `Fn::GetAtt` (nested ones with dots); `any` if only the resource itself knows them. */
  attributes: readonly string[] | 'any';
  /** Attributes that an update in place may change. */
  volatileAttributes?: readonly string[] | 'any';
  create(props: Props, context: ResourceContext): Promise<Resource>;
  /** In place. Called only if no `createOnly` property changed. A new physical id makes it a replacement. */
  update?(resource: Resource, props: Props, previous: Props, context: ResourceContext): Promise<Resource>;
  /** Must succeed if the resource does not exist any more. */
  delete(resource: Resource, props: Props, context: ResourceContext): Promise<void>;
}

export interface Resource {
  /** The value of `Ref`. */
  physicalId: string;
  /** The values of `Fn::GetAtt`, by attribute name (nested ones with dots). */
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
  /** Calls the API of the services, which creates resources. */
  call: CallAws;
  clock: CloudClock;
  /** A presigned URL of S3 with which anybody can put this object. */
  presignPut(object: { Bucket: string; Key: string }): string;
  /** A physical name in CloudFormation's form: `Stack-Logical-1A2B3C`, cut to `maxLength`. */
  generatedName(maxLength?: number): string;
  /** Tags of the stack and the `aws:cloudformation:*` ones, to be set on new resources. */
  stackTags: Record<string, string>;
  /** The stack's tags before this update. Those that are not in `stackTags` any more must be removed. */
  previousStackTags: Record<string, string>;
  /** The resource's `UpdatePolicy`, resolved. */
  updatePolicy: unknown;
  /** The update failed, and the stack returns to the last good target. */
  rollingBack: boolean;
  /** An earlier update of it failed. It may be in the state before that update, in the wanted one, or in between. */
  uncertain: boolean;
  /** Reports that the resource exists: if a later call fails, the roll-back deletes it. */
  reportCreated(physicalId: string): void;
  /** Adds a reason to an event of the resource. */
  addEventReason(reason: string): void;
  /** Polls `look` until it returns a value. Rejects when the operation is cancelled. */
  until<T>(look: () => Promise<T | undefined>): Promise<T>;
  /** Aborted when the stack operation stops waiting. */
  signal: AbortSignal;
}

/** Types the properties of a resource type by its schema. The result has the general type that the registry needs. */
export function resourceType<Props extends Record<string, unknown>>(
  definition: ResourceType<Props>,
): ResourceType {
  return definition as unknown as ResourceType;
}
