/** What a deployment would do to one resource, as a change set shows it. */
export interface ResourceChange {
  action: 'Add' | 'Modify' | 'Remove';
  logicalId: string;
  physicalId: string | undefined;
  type: string;
  replacement?: 'True' | 'False' | 'Conditional';
  policyAction?: 'Delete' | 'Retain' | 'ReplaceAndDelete' | 'ReplaceAndRetain';
  details: ChangeDetail[];
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
}

export interface ChangeDetail {
  attribute: 'Properties' | 'Metadata' | 'DeletionPolicy' | 'UpdateReplacePolicy' | 'UpdatePolicy' | 'Tags';
  name?: string;
  requiresRecreation: 'Never' | 'Conditionally' | 'Always';
  before?: unknown;
  after?: unknown;
}
