import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import type { Log } from '../aws/log.ts';
import { changeFleetState } from '../jobs/fleet-state.ts';
import { instanceStore } from '../jobs/instances.ts';
import { act } from './act.ts';
import type { KeeperConfig } from './config.ts';
import type { Hands } from './hands.ts';
import { look } from './look.ts';
import { type Action, plan } from './plan.ts';

/** As much as is kept of what a run failed of. */
const LONGEST_FAILURE = 500;

/**
 * One run: look, plan, act, and sign that it ran. Returns what was to be done. Rejects if a look or an action failed;
 * the next run, a minute later, does what is then still to be done.
 */
export async function keep(
  clients: Clients,
  config: KeeperConfig,
  clock: Clock,
  log: Log,
): Promise<Action[]> {
  const instances = instanceStore(clients.dynamodb, config.table, config.recordSeconds);
  const hands = { clients, config, instances, log, nowMs: clock.now() };
  try {
    const actions = await lookAndAct(hands);
    if (actions) await sign(hands, undefined);
    return actions ?? [];
  } catch (error) {
    await sign(hands, error).catch((err: unknown) => log.error({ err }, 'the run is not on record'));
    throw error;
  }
}

async function lookAndAct(hands: Hands): Promise<Action[] | undefined> {
  const { clients, config, instances, log, nowMs } = hands;
  const seen = await look(clients, config, instances, nowMs);
  if (!seen) {
    log.warn({ groupName: config.groupName }, 'there is no such group: nothing to keep');
    return undefined;
  }
  const { desired, instances: members } = seen.group;
  log.info({ backlog: seen.backlog, desired, instances: members.length }, 'looked');
  const actions = plan(seen, config);
  await act(hands, actions);
  return actions;
}

/** By this an operator sees that the keeper runs, and what it cannot do. */
async function sign({ clients, config, nowMs }: Hands, failure: unknown): Promise<void> {
  const keeperFailure = failure === undefined ? undefined : String(failure).slice(0, LONGEST_FAILURE);
  await changeFleetState(clients.dynamodb, config.table, { keptAtMs: nowMs, keeperFailure });
}
