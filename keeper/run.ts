import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import type { Log } from '../aws/log.ts';
import { type FleetStateChanges, readFleetState, updateFleetState } from '../store/fleet-state.ts';
import { createInstanceStore } from '../store/instance-store.ts';
import { act } from './act.ts';
import type { KeeperConfig } from './config.ts';
import { keepGroups } from './groups.ts';
import { readHeartbeats } from './heartbeats.ts';
import type { KeeperContext } from './keeper-context.ts';
import { type Action, findDoubtfulInstances, plan } from './plan.ts';
import { handleRefusedSnapshot } from './refused-snapshot.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';
import { stateIndexChanges, stateIndexChangesAfterFailure } from './state-index.ts';

/** Characters of an error that are stored in the fleet's state. */
const LONGEST_FAILURE = 500;

/**
 * One run: takes a snapshot, plans, acts, and records the run in the fleet's state. Returns the actions. Rejects if the
 * snapshot or an action failed. The next run, a minute later, does what is then still to be done.
 */
export async function runKeeper(
  clients: Clients,
  config: KeeperConfig,
  clock: Clock,
  log: Log,
): Promise<Action[]> {
  const instances = createInstanceStore(clients.dynamodb, config.table, config.recordSeconds);
  const context: KeeperContext = {
    clients,
    config,
    instances,
    log,
    clock,
    get nowMs() {
      return clock.now();
    },
    get errorMs() {
      return clock.errorMs() ?? 0;
    },
  };
  try {
    const done = await keepAll(context, clock);
    if (done)
      await recordRun(context, { ...breakerReport(done.actions), ...stateIndexChanges(done.snapshot) });
    return done?.actions ?? [];
  } catch (error) {
    await recordFailedRun(context, error).catch((err: unknown) =>
      log.error({ err }, 'cannot record the run'),
    );
    throw error;
  }
}

/** Neither part of the run depends on the other. */
async function keepAll(context: KeeperContext, clock: Clock): ReturnType<typeof snapshotAndAct> {
  const [acted, kept] = await Promise.allSettled([snapshotAndAct(context, clock), keepGroups(context)]);
  if (acted.status === 'rejected') throw acted.reason;
  if (kept.status === 'rejected') throw kept.reason;
  return acted.value;
}

async function recordFailedRun(context: KeeperContext, error: unknown): Promise<void> {
  const fleetState = await readFleetState(context.clients.dynamodb, context.config.table);
  const failed = { keeperFailure: describeFailure(error), breakerReported: undefined };
  await recordRun(context, { ...failed, ...stateIndexChangesAfterFailure(fleetState) });
}

async function snapshotAndAct(
  context: KeeperContext,
  clock: Clock,
): Promise<{ snapshot: Snapshot; actions: Action[] } | undefined> {
  const { clients, config, instances, log } = context;
  const snapshot = await takeSnapshot(clients, config, instances, clock).catch(async (error: unknown) => {
    await handleRefusedSnapshot(context, error).catch((err: unknown) =>
      log.error({ err }, 'cannot determine whether instances are refused as well'),
    );
    throw error;
  });
  if (!snapshot) {
    log.warn({ groupName: config.groupName }, 'the Auto Scaling group does not exist: nothing to do');
    return undefined;
  }
  const { desired, instances: members } = snapshot.group;
  log.info({ backlog: snapshot.backlog, desired, instances: members.length }, 'snapshot taken');
  const { actions, failures } = await decideActions(context, snapshot);
  await act(context, actions);
  if (failures.length > 0) {
    throw new AggregateError(failures, `cannot read the heartbeats of instances: ${failures.join('; ')}`);
  }
  return { snapshot, actions };
}

/** An instance that does not report may still run. The heartbeats of such instances are read before they are judged. */
async function decideActions(
  context: KeeperContext,
  snapshot: Snapshot,
): Promise<{ actions: Action[]; failures: unknown[] }> {
  const actions = plan(snapshot, context.config);
  const doubtful = findDoubtfulInstances(snapshot, actions, context.config);
  if (doubtful.length === 0) return { actions, failures: [] };
  const { reportedAtMs, savedLogs, failures } = await readHeartbeats(context, doubtful);
  return { actions: plan({ ...snapshot, heartbeatsMs: reportedAtMs, savedLogs }, context.config), failures };
}

/** Records the run, so that operators see that the keeper runs and what fails. */
async function recordRun({ clients, config, nowMs }: KeeperContext, notes: FleetStateChanges): Promise<void> {
  const changes = { keptAtMs: nowMs, keptWithIndexAtMs: nowMs, keeperFailure: undefined, ...notes };
  await updateFleetState(clients.dynamodb, config.table, changes);
}

function breakerReport(actions: readonly Action[]): FleetStateChanges {
  const report = actions.find((action) => action.do === 'report-breaker');
  return report ? { breakerReported: report.open ? 'open' : 'closed' } : {};
}

const describeFailure = (error: unknown) => String(error).slice(0, LONGEST_FAILURE);
