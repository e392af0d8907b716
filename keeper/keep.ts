import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import type { Log } from '../aws/log.ts';
import { instanceStore } from '../jobs/instances.ts';
import { act } from './act.ts';
import type { KeeperConfig } from './config.ts';
import { look } from './look.ts';
import { type Action, plan } from './plan.ts';

/**
 * One run: look, plan, act. Returns what was to be done. Rejects if a look or an action failed; the next run, a minute
 * later, does what is then still to be done.
 */
export async function keep(
  clients: Clients,
  config: KeeperConfig,
  clock: Clock,
  log: Log,
): Promise<Action[]> {
  const instances = instanceStore(clients.dynamodb, config.table, config.recordSeconds);
  const nowMs = clock.now();
  const seen = await look(clients, config, instances, nowMs);
  if (!seen) {
    log.warn({ groupName: config.groupName }, 'there is no such group: nothing to keep');
    return [];
  }
  const { desired, instances: members } = seen.group;
  log.info({ backlog: seen.backlog, desired, instances: members.length }, 'looked');
  const actions = plan(seen, config);
  await act({ clients, config, instances, log, nowMs }, actions);
  return actions;
}
