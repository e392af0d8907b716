import { randomUUID } from 'node:crypto';
import type { CloudClock } from '../../clock.ts';
import type { Stack, StackEvent, StackResource } from './stack.ts';

/** The fields that all events of one operation on a stack have in common. */
export interface OperationIds {
  operationId: string;
  clientRequestToken: string | undefined;
}

/** Sets the status of the stack and adds an event. */
export function setStackStatus(
  stack: Stack,
  clock: CloudClock,
  ids: OperationIds,
  status: string,
  reason?: string,
): void {
  stack.status = status;
  if (reason === undefined) delete stack.reason;
  else stack.reason = reason;
  addEvent(stack, clock, ids, {
    LogicalResourceId: stack.name,
    PhysicalResourceId: stack.id,
    ResourceType: 'AWS::CloudFormation::Stack',
    ResourceStatus: status,
    ...(reason === undefined ? {} : { ResourceStatusReason: reason }),
  });
}

/** Sets the status of a resource and adds an event. */
export function setResourceStatus(
  stack: Stack,
  clock: CloudClock,
  ids: OperationIds,
  resource: StackResource,
  status: string,
  reason?: string,
): void {
  resource.status = status;
  resource.changedAtMs = clock.now();
  if (reason === undefined) delete resource.reason;
  else resource.reason = reason;
  addEvent(stack, clock, ids, {
    LogicalResourceId: resource.logicalId,
    PhysicalResourceId: resource.physicalId ?? '',
    ResourceType: resource.type,
    ResourceStatus: status,
    ResourceProperties: JSON.stringify(resource.properties),
    ...(reason === undefined ? {} : { ResourceStatusReason: reason }),
  });
}

type EventBody = Omit<StackEvent, 'EventId' | 'OperationId' | 'StackId' | 'StackName' | 'Timestamp'>;

function addEvent(stack: Stack, clock: CloudClock, ids: OperationIds, body: EventBody): void {
  // Clients sort by time, so no two events of a stack have the same.
  stack.lastEventAtMs = Math.max(clock.now(), (stack.lastEventAtMs ?? 0) + 1);
  stack.events.unshift({
    EventId: randomUUID(),
    OperationId: ids.operationId,
    StackId: stack.id,
    StackName: stack.name,
    Timestamp: new Date(stack.lastEventAtMs).toISOString(),
    ...body,
    ...(ids.clientRequestToken === undefined ? {} : { ClientRequestToken: ids.clientRequestToken }),
  });
}
