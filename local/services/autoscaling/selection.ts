import {
  type Group,
  type GroupInstance,
  isTerminating,
  type TerminationPolicy,
  type WarmPool,
} from './group.ts';

/**
 * The number of instances that each zone has in the group or its warm pool, with launches that EC2 has not answered.
 */
function zoneCounts(group: Group, of: Pick<Group, 'instances' | 'requested'> = group): Map<string, number> {
  const counts = new Map(zonesOf(group).map((zone) => [zone, 0]));
  const add = (zone: string) => counts.set(zone, (counts.get(zone) ?? 0) + 1);
  for (const one of of.instances.values()) if (!isTerminating(one)) add(one.zone);
  for (const { zone } of of.requested) add(zone);
  return counts;
}

export function zonesOf(group: Group): string[] {
  return [...new Set(group.subnets.length > 0 ? group.subnets.map(({ zone }) => zone) : group.zones)];
}

/** The zone of the next instance: the one with the fewest ("Auto Scaling benefits", distributing instances). */
export function selectZone(group: Group, pool?: WarmPool): string {
  const counts = zoneCounts(group, pool);
  const [first = ''] = zonesOf(group);
  return zonesOf(group).reduce(
    (best, zone) => ((counts.get(zone) ?? 0) < (counts.get(best) ?? 0) ? zone : best),
    first,
  );
}

/**
 * The instance to terminate when the group scales in ("Configure termination policies"): never a protected one, and one
 * of the zone that has most.
 */
export function selectForScaleIn(group: Group): GroupInstance | undefined {
  const open = [...group.instances.values()].filter((one) => one.state === 'InService' && !one.protected);
  return firstToGo(open, zoneCounts(group), group.terminationPolicies);
}

/**
 * The instance to terminate when a warm pool is too large: by the default policy, whatever the group's ("Warm pools").
 */
export function selectSurplusWarm(group: Group, pool: WarmPool): GroupInstance | undefined {
  const staying = [...pool.instances.values()].filter((one) => !isTerminating(one));
  return firstToGo(staying, zoneCounts(group, pool), ['Default']);
}

function firstToGo(
  open: GroupInstance[],
  counts: ReadonlyMap<string, number>,
  policies: readonly TerminationPolicy[],
): GroupInstance | undefined {
  const most = Math.max(...open.map(({ zone }) => counts.get(zone) ?? 0));
  const candidates = open.filter(({ zone }) => counts.get(zone) === most);
  const orders = policies.map((policy) => ORDERS[policy]);
  return candidates.sort((a, b) => {
    for (const order of orders) {
      const difference = order(a, b);
      if (difference !== 0) return difference;
    }
    return a.launchedAt - b.launchedAt;
  })[0];
}

const byTemplate = (a: GroupInstance, b: GroupInstance) =>
  Number(a.templateVersion) - Number(b.templateVersion);

const ORDERS: Record<TerminationPolicy, (a: GroupInstance, b: GroupInstance) => number> = {
  Default: byTemplate,
  OldestLaunchTemplate: byTemplate,
  OldestInstance: (a, b) => a.launchedAt - b.launchedAt,
  NewestInstance: (a, b) => b.launchedAt - a.launchedAt,
};

/** A pair of zones whose numbers differ by more than one, if the larger one has an instance that may be terminated. */
export function findImbalance(group: Group): { to: string; victim: GroupInstance } | undefined {
  const counts = [...zoneCounts(group)].sort(([, a], [, b]) => a - b);
  const [emptiest, fullest] = [counts[0], counts.at(-1)];
  if (!emptiest || !fullest || fullest[1] - emptiest[1] < 2) return undefined;
  const victim = [...group.instances.values()].find(
    (one) => one.zone === fullest[0] && one.state === 'InService' && !one.protected,
  );
  return victim && { to: emptiest[0], victim };
}

/**
 * Whether the next launch is a Spot Instance, by the distribution of a mixed instances policy. Launches that EC2 has
 * not answered yet count, so that the distribution also applies to simultaneous launches.
 */
export function nextIsSpot(group: Group): boolean {
  const { mixed } = group.launch;
  if (!mixed) return false;
  const there = [...group.instances.values()].filter((one) => !isTerminating(one));
  const live: { spot: boolean }[] = [...there, ...group.requested];
  const onDemand = live.filter((one) => !one.spot).length;
  if (onDemand < mixed.onDemandBase) return false;
  const above = live.length + 1 - mixed.onDemandBase;
  // Rounded up to favour on-demand, as AWS does.
  return onDemand - mixed.onDemandBase >= Math.ceil((above * mixed.onDemandPercentage) / 100);
}
