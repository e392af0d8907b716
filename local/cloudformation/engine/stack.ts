import type { Parameter } from '../template/parameters.ts';
import type { ResourceDeclaration, Template } from '../template/template.ts';
import type { ResourceChange } from './resource-change.ts';

export interface Tag {
  Key: string;
  Value: string;
}

/** What a stack is to become: a template with its parameters, and what goes with them. */
export interface Target {
  template: Template;
  parameters: Record<string, Parameter>;
  conditions: Record<string, boolean>;
  tags: Tag[];
  notificationArns: string[];
  capabilities: string[];
  roleArn: string | undefined;
}

export interface StackResource {
  logicalId: string;
  type: string;
  /** Absent while nothing was made. */
  physicalId?: string;
  attributes: Record<string, unknown>;
  /** As resolved when it was last made or changed. */
  properties: Record<string, unknown>;
  declaration: ResourceDeclaration;
  dependsOn: string[];
  status: string;
  reason?: string;
  changedAtMs: number;
  /** An update failed half-way: what is really there is not known, and the roll-back must set it right. */
  uncertain?: boolean;
  /** Made by the operation that is under way: what `RetainExceptOnCreate` asks. */
  fresh?: boolean;
}

export interface StackEvent {
  EventId: string;
  OperationId: string;
  StackId: string;
  StackName: string;
  LogicalResourceId: string;
  PhysicalResourceId: string;
  ResourceType: string;
  Timestamp: string;
  ResourceStatus: string;
  ResourceStatusReason?: string;
  ResourceProperties?: string;
  ClientRequestToken?: string;
}

export interface StackOutput {
  OutputKey: string;
  OutputValue: string;
  Description?: string;
  ExportName?: string;
}

export interface ChangeSet {
  id: string;
  name: string;
  type: 'CREATE' | 'UPDATE';
  description: string | undefined;
  createdAtMs: number;
  status: 'CREATE_COMPLETE' | 'FAILED';
  reason?: string;
  executionStatus: string;
  target: Target;
  changes: ResourceChange[];
  /** What early validation found, for `DescribeEvents`. */
  problems: { logicalId: string; type: string; path: string; message: string }[];
}

export interface Stack {
  name: string;
  id: string;
  status: string;
  reason?: string;
  createdAtMs: number;
  updatedAtMs?: number;
  deletedAtMs?: number;
  /** What the stack is, or is on the way to; absent under review. */
  target?: Target;
  resources: Map<string, StackResource>;
  /** Replaced or given up: to be deleted in the clean-up. */
  retired: StackResource[];
  outputs: StackOutput[];
  imports: Set<string>;
  /** Newest first. */
  events: StackEvent[];
  lastEventAtMs?: number;
  changeSets: Map<string, ChangeSet>;
  terminationProtection: boolean;
  disableRollback: boolean;
  timeoutMinutes?: number;
  /** Deleted while it was being made: the creation just stops, without a roll-back of its own. */
  deletionRequested?: true;
  /** The target to go back to, of an update that failed and was left as it is. */
  lastGood?: { target: Target; outputs: StackOutput[] };
}
