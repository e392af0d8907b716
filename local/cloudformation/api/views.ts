import type { Stack, StackResource } from '../engine/stack.ts';
import type { TemplateParameter } from '../template/parameters.ts';

export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** A stack as `DescribeStacks` shows it. */
export function stackView(stack: Stack) {
  const { target } = stack;
  return {
    ...stackSummary(stack),
    Description: target?.template.description,
    Parameters: parameterViews(target?.parameters ?? {}),
    DisableRollback: stack.disableRollback,
    NotificationARNs: target?.notificationArns ?? [],
    TimeoutInMinutes: stack.timeoutMinutes,
    Capabilities: target?.capabilities ?? [],
    Outputs: stack.outputs,
    RoleARN: target?.roleArn,
    Tags: target?.tags ?? [],
    EnableTerminationProtection: stack.terminationProtection,
  };
}

export function stackSummary(stack: Stack) {
  return {
    StackId: stack.id,
    StackName: stack.name,
    TemplateDescription: stack.target?.template.description,
    CreationTime: isoTime(stack.createdAtMs),
    LastUpdatedTime: stack.updatedAtMs === undefined ? undefined : isoTime(stack.updatedAtMs),
    DeletionTime: stack.deletedAtMs === undefined ? undefined : isoTime(stack.deletedAtMs),
    StackStatus: stack.status,
    StackStatusReason: stack.reason,
    DriftInformation: { StackDriftStatus: 'NOT_CHECKED' },
  };
}

export function parameterViews(parameters: Record<string, TemplateParameter>) {
  return Object.entries(parameters).map(([ParameterKey, { given, value, declaration }]) => {
    const hidden = String(declaration.NoEcho) === 'true';
    const resolved = Array.isArray(value) ? value.join(',') : value;
    const stored = declaration.Type.startsWith('AWS::SSM::Parameter::Value<');
    return {
      ParameterKey,
      ParameterValue: hidden ? '****' : given,
      ...(stored && !hidden ? { ResolvedValue: resolved } : {}),
    };
  });
}

/** A resource as `DescribeStackResource` shows it. The other calls return parts of it. */
export function resourceView(stack: Stack, resource: StackResource) {
  return {
    StackName: stack.name,
    StackId: stack.id,
    LogicalResourceId: resource.logicalId,
    PhysicalResourceId: resource.physicalId,
    ResourceType: resource.type,
    Timestamp: isoTime(resource.changedAtMs),
    LastUpdatedTimestamp: isoTime(resource.changedAtMs),
    ResourceStatus: resource.status,
    ResourceStatusReason: resource.reason,
    Metadata:
      resource.declaration.Metadata === undefined ? undefined : JSON.stringify(resource.declaration.Metadata),
    DriftInformation: { StackResourceDriftStatus: 'NOT_CHECKED' },
  };
}
