import type { ScalingGroup } from '../../aws/scaling-group.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { protectInstances, resumeProcess, updateGroup } from './commands.ts';
import type { Facts } from './facts.ts';
import { bad, type Finding, judged, ok, warn } from './finding.ts';

/** Where the group is not what the stack has made of it. */
export function judgeGroup({ group, fleet }: Facts): Finding[] {
  return judged('group', group, (seen) => {
    const findings = [...sizes(seen, fleet), ...protection(seen, fleet), ...suspended(seen, fleet)];
    if (findings.length > 0) return findings;
    return [ok('group', `${seen.desired} desired, of ${seen.minSize} to ${seen.maxSize}`)];
  });
}

/** A minimum above the stack's maximum has to go first: no maximum may be below it. */
function sizes({ minSize, maxSize }: ScalingGroup, fleet: FleetFacts): Finding[] {
  const { minCapacity = minSize, maxCapacity = maxSize } = fleet;
  const findings: Finding[] = [];
  if (minSize !== minCapacity) {
    findings.push(
      warn(
        'group',
        `Its minimum size was set to ${minSize} by hand; the stack says ${minCapacity}: as many instances stay, and cost, with nothing to do.`,
        updateGroup(fleet, { 'min-size': minCapacity }),
      ),
    );
  }
  if (maxSize === 0) {
    findings.push(
      bad(
        'group',
        'Its maximum size is 0: no instance can be launched, and those that run go.',
        maxCapacity === 0 ? 'Raise it.' : updateGroup(fleet, { 'max-size': maxCapacity }),
      ),
    );
  } else if (maxSize !== maxCapacity) {
    const effect = maxSize < maxCapacity ? 'jobs wait for longer' : 'more instances can run than it allows';
    findings.push(
      warn(
        'group',
        `Its maximum size was set to ${maxSize} by hand; the stack says ${maxCapacity}: ${effect}.`,
        updateGroup(fleet, { 'max-size': maxCapacity }),
      ),
    );
  }
  return findings;
}

/** "Use instance scale-in protection": it begins in service. */
function protection({ newProtected, members }: ScalingGroup, fleet: FleetFacts): Finding[] {
  const findings: Finding[] = [];
  if (!newProtected) {
    findings.push(
      bad(
        'group',
        'New instances are not protected from scale-in: Auto Scaling may end one that works.',
        updateGroup(fleet, { 'new-instances-protected-from-scale-in': true }),
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
        `${are} not protected from scale-in: Auto Scaling may end one that works.`,
        protectInstances(fleet, ids),
        ids.length > 1 ? [ids.join(', ')] : [],
      ),
    );
  }
  return findings;
}

function suspended({ suspended: processes }: ScalingGroup, fleet: FleetFacts): Finding[] {
  return ['Terminate', 'HealthCheck', 'ReplaceUnhealthy'].flatMap((name) => {
    const said = processes.get(name);
    if (said === undefined) return [];
    const by = said === '' ? '' : ` (${said})`;
    const text = `The group's process ${name} is suspended${by}: instances may stay that should go.`;
    return [warn('group', text, resumeProcess(fleet, name))];
  });
}
