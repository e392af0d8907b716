import type { ScalingGroup } from '../../aws/scaling-group.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import type { CheckInput } from './check-input.ts';
import { protectInstancesCommand, resumeProcessCommand, updateGroupCommand } from './commands.ts';
import { bad, checkRead, type Finding, ok, warn } from './finding.ts';

/** Checks whether the group is as the stack created it. */
export function checkGroup({ group, fleet }: CheckInput): Finding[] {
  return checkRead('group', group, (seen) => {
    const findings = [...sizes(seen, fleet), ...protection(seen, fleet), ...suspended(seen, fleet)];
    if (findings.length > 0) return findings;
    return [ok('group', `${seen.desired} desired, of ${seen.minSize} to ${seen.maxSize}`)];
  });
}

/** The minimum comes first: Auto Scaling refuses a maximum below the minimum. */
function sizes({ minSize, maxSize }: ScalingGroup, fleet: FleetFacts): Finding[] {
  const { minCapacity = minSize, maxCapacity = maxSize } = fleet;
  const findings: Finding[] = [];
  if (minSize !== minCapacity) {
    findings.push(
      warn(
        'group',
        `Its minimum size was set to ${minSize} by hand; the stack says ${minCapacity}: as many instances stay, and cost money, without jobs.`,
        updateGroupCommand(fleet, { 'min-size': minCapacity }),
      ),
    );
  }
  if (maxSize === 0) {
    findings.push(
      bad(
        'group',
        'Its maximum size is 0: no instance can be launched, and running instances terminate.',
        maxCapacity === 0 ? 'Raise it.' : updateGroupCommand(fleet, { 'max-size': maxCapacity }),
      ),
    );
  } else if (maxSize !== maxCapacity) {
    const effect = maxSize < maxCapacity ? 'jobs wait for longer' : 'more instances can run than it allows';
    findings.push(
      warn(
        'group',
        `Its maximum size was set to ${maxSize} by hand; the stack says ${maxCapacity}: ${effect}.`,
        updateGroupCommand(fleet, { 'max-size': maxCapacity }),
      ),
    );
  }
  return findings;
}

/** "Use instance scale-in protection": protection begins in service. */
function protection({ protectsNewInstances, members }: ScalingGroup, fleet: FleetFacts): Finding[] {
  const findings: Finding[] = [];
  if (!protectsNewInstances) {
    findings.push(
      bad(
        'group',
        'New instances are not protected from scale-in: Auto Scaling may terminate one that runs jobs.',
        updateGroupCommand(fleet, { 'new-instances-protected-from-scale-in': true }),
      ),
    );
  }
  const open = members.filter((one) => one.lifecycleState === 'InService' && one.protected === false);
  if (open.length > 0) {
    const ids = open.map(({ instance }) => instance);
    const are = ids.length === 1 ? `The instance ${ids[0]} is` : `${ids.length} instances are`;
    findings.push(
      bad(
        'group',
        `${are} not protected from scale-in: Auto Scaling may terminate one that runs jobs.`,
        protectInstancesCommand(fleet, ids),
        ids.length > 1 ? [ids.join(', ')] : [],
      ),
    );
  }
  return findings;
}

function suspended({ suspended: processes }: ScalingGroup, fleet: FleetFacts): Finding[] {
  return ['Terminate', 'HealthCheck', 'ReplaceUnhealthy'].flatMap((name) => {
    const reason = processes.get(name);
    if (reason === undefined) return [];
    const by = reason === '' ? '' : ` (${reason})`;
    const text = `The group's process ${name} is suspended${by}: instances that should terminate may stay.`;
    return [warn('group', text, resumeProcessCommand(fleet, name))];
  });
}
