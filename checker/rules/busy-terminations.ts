import { callerInstance, isServiceRole, mayHaveSucceeded, readInput, succeeded } from '../calls.ts';
import type { CallFacts, Facts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';
import { findOwner } from './runs.ts';

/**
 * No instance is ended while a worker runs on it. An instance first lets its jobs end or requeues them, the keeper ends
 * only silent instances, and instances are protected from scale-in. A person may end any instance. A violation shows in
 * workers that write to the journal after the call.
 */
export function judgeBusyTerminations(facts: Facts, runs: readonly Run[]): Violation[] {
  const violations: Violation[] = [];
  for (const call of facts.calls) {
    if (!succeeded(call) || call.caller === 'owner') continue;
    for (const instance of endedBy(call)) {
      const run = runs.find(
        (one) =>
          one.startedMs <= call.atMs &&
          one.seenMs > call.atMs &&
          (one.instance ?? findOwner(one, facts)) === instance,
      );
      if (!run || isExcused(call, instance, facts)) continue;
      violations.push({
        rule: 'busy-ended',
        subject: instance,
        message: `was ended by ${call.caller} with ${call.action} while job ${run.job} ran on it (pid ${run.pid})`,
      });
    }
  }
  return violations;
}

const BY_ID = new Set(['TerminateInstanceInAutoScalingGroup', 'DetachInstances', 'EnterStandby']);

function endedBy(call: CallFacts): string[] {
  const ids = readInput(call, 'InstanceIds');
  if (call.service === 'ec2' && (call.action === 'TerminateInstances' || call.action === 'StopInstances')) {
    return Array.isArray(ids) ? ids.map(String) : [];
  }
  if (call.service !== 'autoscaling') return [];
  const unhealthy = call.action === 'SetInstanceHealth' && readInput(call, 'HealthStatus') === 'Unhealthy';
  if (!unhealthy && !BY_ID.has(call.action)) return [];
  return Array.isArray(ids) ? ids.map(String) : [String(readInput(call, 'InstanceId'))];
}

function isExcused(call: CallFacts, instance: string, facts: Facts): boolean {
  if (isServiceRole(call)) return isSilent(instance, call.atMs, facts);
  if (call.caller !== 'cloud') return false;
  return isWantedGone(instance, call.atMs, facts) || hadFallenSilent(instance, call.atMs, facts);
}

/** EC2 terminates the instance a lifecycle hook after the keeper's request, so the time of the request counts. */
function hadFallenSilent(instance: string, atMs: number, facts: Facts): boolean {
  return facts.calls.some(
    (call) =>
      call.atMs <= atMs &&
      isServiceRole(call) &&
      mayHaveSucceeded(call) &&
      endedBy(call).includes(instance) &&
      isSilent(instance, call.atMs, facts),
  );
}

/** Whether the instance made no call for the length of a lease. Then its leases have ended. */
function isSilent(instance: string, atMs: number, { calls, leaseMs }: Facts): boolean {
  return !calls.some(
    (call) =>
      call.atMs > atMs - leaseMs && call.atMs <= atMs && succeeded(call) && callerInstance(call) === instance,
  );
}

/** Whether a person ended the instance, its group or its stack. */
function isWantedGone(instance: string, atMs: number, { calls }: Facts): boolean {
  return calls.some((call) => {
    if (call.atMs > atMs || !succeeded(call)) return false;
    if (call.action === 'DeleteStack' || call.action === 'DeleteAutoScalingGroup') return true;
    return call.caller === 'owner' && endedBy(call).includes(instance);
  });
}
