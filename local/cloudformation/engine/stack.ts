import type { TemplateParameter } from '../template/parameters.ts';
import type { ResourceDeclaration, Template } from '../template/template.ts';
import type { ResourceChange } from './resource-change.ts';

export interface Tag {
  Key: string;
  Value: string;
}

/** The wanted state of a stack: a template with its parameters, tags and options. */
export interface Target {
  template: Template;
  parameters: Record<string, TemplateParameter>;
  conditions: Record<string, boolean>;
  tags: Tag[];
  notificationArns: string[];
  capabilities: string[];
  roleArn: string | undefined;
}

export interface StackResource {
  logicalId: string;
  type: string;
  /** Absent until the resource is created. */
  physicalId?: string;
  attributes: Record<string, unknown>;
  /** The resolved properties of the latest creation or update. */
  properties: Record<string, unknown>;
  declaration: ResourceDeclaration;
  dependsOn: string[];
  status: string;
  reason?: string;
  changedAtMs: number;
  /** An update failed half-way, so the state of the resource is unknown. The roll-back must set it again. */
  uncertain?: boolean;
  /** Created by the operation in progress; `RetainExceptOnCreate` depends on it. */
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
  /** The target that the stack has, or is being brought to. Absent under review. */
  target?: Target;
  resources: Map<string, StackResource>;
  /** Replaced or abandoned resources. The clean-up deletes them. */
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
  /** The stack was deleted while it was being created: the creation stops without a roll-back of its own. */
  deletionRequested?: true;
  /** The target to return to, after a failed update without roll-back. */
  lastGood?: { target: Target; outputs: StackOutput[] };
}
