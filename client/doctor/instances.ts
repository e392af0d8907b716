import { heartbeatKey } from '../../store/bucket-keys.ts';
import { createInstanceView, type InstanceFacts } from '../instances/instance-view.ts';
import type { CheckInput } from './check-input.ts';
import { awsCommand } from './commands.ts';
import { checkFailedInstances } from './failed-instances.ts';
import { bad, checkRead, type Finding, ok, readValue, warn } from './finding.ts';
import { checkRefusedInstances } from './refused-instances.ts';

/** The keeper runs once a minute, and completes lifecycle hooks before it terminates an instance. */
const KEEPER_MS = 5 * 60_000;
/** The escalation takes ten minutes. Then the instance powers itself off. */
const LEAVING_MS = 60 * 60_000;

export function checkInstances(facts: CheckInput): Finding[] {
  return checkRead('instances', facts.instances, (instances) => {
    const findings = [
      ...instances.flatMap((one) => checkInstance(one, facts)),
      ...checkRefusedInstances(facts),
      ...checkFailedInstances(facts),
      // `checkGroup` reports a group that is gone.
      ...(readValue(facts.group) ? checkRead('instances', facts.pool, () => []) : []),
    ];
    if (findings.length > 0) return findings;
    if (instances.length === 0) return [ok('instances', 'none')];
    const counts = new Map<string, number>();
    for (const one of instances) {
      const { status } = createInstanceView(one, facts.nowMs, facts.fleet.silentSeconds * 1000);
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    return [ok('instances', [...counts].map(([status, count]) => `${count} ${status}`).join(', '))];
  });
}

function checkInstance(one: InstanceFacts, { fleet, nowMs }: CheckInput): Finding[] {
  const { instance, record, launchedAtMs = nowMs } = one;
  const { status, lifecycleState } = createInstanceView(one, nowMs, fleet.silentSeconds * 1000);
  const log = `See its log: s3://${fleet.logBucket}/instances/${instance}/. If there is none, see its console output.`;
  const overdueMs = nowMs - launchedAtMs - fleet.bootBudgetSeconds * 1000;
  if (status === 'booting' && overdueMs > 0) {
    const text = `${instance} was launched ${minutes(nowMs - launchedAtMs)} ago, and its agent has not reported since.`;
    return [
      overdueMs > KEEPER_MS
        ? bad('instances', `${text} The keeper should have terminated it.`, log)
        : warn('instances', `${text} The keeper terminates it.`, log),
    ];
  }
  if (status === 'silent') {
    const silentMs = nowMs - (record?.reportedAtMs ?? nowMs);
    const text = `The agent of ${instance} has not reported for ${minutes(silentMs)}.`;
    const unless = `unless DynamoDB refuses its reports and it still writes its heartbeat s3://${fleet.logBucket}/${heartbeatKey(instance)}.`;
    return [
      silentMs - fleet.silentSeconds * 1000 > KEEPER_MS
        ? bad('instances', `${text} The keeper should have terminated it, ${unless}`, log)
        : warn('instances', `${text} The keeper terminates it, ${unless}`, log),
    ];
  }
  const decidedMs = record?.retirement && Date.parse(record.retirement.decidedAt);
  if (lifecycleState === 'InService' && decidedMs !== undefined && nowMs - decidedMs > LEAVING_MS) {
    const { reason, lastError } = record?.retirement ?? {};
    const text = `${instance} has tried to terminate (${reason}) for ${minutes(nowMs - decidedMs)}, and is still in service.`;
    const details = lastError ? [`Last error of AWS: ${lastError}`] : [];
    const end = awsCommand(fleet, 'ec2 terminate-instances', { 'instance-ids': instance });
    return [bad('instances', text, end, details)];
  }
  return [];
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} minutes`;
}
