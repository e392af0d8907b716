import { instanceOf, member, succeeded } from '../calls.ts';
import type { CallFacts, Facts, Violation } from '../facts.ts';

/** No instance is left, nothing will launch another, and only those that went lowered the capacity. */
export function judgeInstances(facts: Facts): Violation[] {
  return [...instancesLeft(facts), ...capacityLeft(facts), ...lowerings(facts)];
}

function instancesLeft(facts: Facts): Violation[] {
  return facts.instances
    .filter(({ state }) => state !== 'terminated')
    .map(({ id, state }) => ({ rule: 'instance-left', subject: id, message: `is still ${state}` }));
}

function capacityLeft({ group }: Facts): Violation[] {
  if (!group || group.desired === 0) return [];
  return [
    { rule: 'capacity-left', subject: group.name, message: `desired capacity is ${group.desired}, not 0` },
  ];
}

/**
 * Only a retiring instance lowers the desired capacity, by its own terminate call. The keeper does in two cases: after
 * an instance that went by a lower rung, as somebody has to; and of a paused group to those that run.
 */
function lowerings(facts: Facts): Violation[] {
  const calls = facts.calls.filter(succeeded);
  const own = calls.filter((call) => decrements(call) && instanceOf(call) === member(call, 'InstanceId'));
  const orphans = facts.instances.length - new Set(own.map((call) => member(call, 'InstanceId'))).size;
  let corrections = 0;
  const violations: Violation[] = [];
  for (const call of calls) {
    if (!lowers(call, facts) || own.includes(call) || takesBack(call, facts)) continue;
    corrections += 1;
    if (isServiceRole(call) && corrections <= orphans) continue;
    violations.push({
      rule: 'capacity-lowered',
      subject: String(member(call, 'AutoScalingGroupName') ?? member(call, 'InstanceId') ?? '?'),
      message: `by ${call.caller} with ${call.action}, not by an instance that retired`,
    });
  }
  return violations;
}

function decrements(call: CallFacts): boolean {
  if (call.action !== 'TerminateInstanceInAutoScalingGroup') return false;
  return String(member(call, 'ShouldDecrementDesiredCapacity')) === 'true';
}

/** Deleting a group is CloudFormation's; it sets no capacity of a group that lives on. */
function lowers(call: CallFacts, facts: Facts): boolean {
  if (call.service !== 'autoscaling' || call.caller === 'cloud') return false;
  const { action } = call;
  if (action === 'DetachInstances' || action === 'EnterStandby') return true;
  if (action === 'SetDesiredCapacity' || action === 'UpdateAutoScalingGroup') {
    const desired = member(call, 'DesiredCapacity');
    return desired !== undefined && (Number(desired) === 0 || Number(desired) < livingAt(call.atMs, facts));
  }
  return decrements(call);
}

/** The owner wants nothing launched, and nobody who lives is meant. */
function takesBack(call: CallFacts, facts: Facts): boolean {
  const switches = facts.calls.filter(
    (other) => other.atMs < call.atMs && succeeded(other) && ofLaunches(other),
  );
  const last = switches.toSorted((a, b) => a.atMs - b.atMs).at(-1);
  const paused = last?.action === 'SuspendProcesses' && last.caller === 'owner';
  const desired = Number(member(call, 'DesiredCapacity'));
  return isServiceRole(call) && paused && desired >= livingAt(call.atMs, facts);
}

/** Without a list they are all meant. */
function ofLaunches(call: CallFacts): boolean {
  if (call.action !== 'SuspendProcesses' && call.action !== 'ResumeProcesses') return false;
  const processes = member(call, 'ScalingProcesses');
  return !Array.isArray(processes) || processes.includes('Launch');
}

/** Instances that had been launched and had not yet asked to go. */
function livingAt(atMs: number, { instances, calls }: Facts): number {
  const leaving = calls.filter((call) => call.atMs < atMs && succeeded(call) && decrements(call));
  const left = new Set(leaving.map((call) => member(call, 'InstanceId')));
  return instances.filter(({ id, launchedMs }) => launchedMs < atMs && !left.has(id)).length;
}

/** A role that is not an instance's: the keeper's. */
function isServiceRole(call: CallFacts): boolean {
  return call.caller.includes('/') && instanceOf(call) === undefined;
}
