import { withTimeout } from '../../lib/with-timeout.ts';
import type { GroupFacts } from '../../policy/retirement.ts';
import { isFleetPaused } from './fleet-pause.ts';
import { readGroupStatus } from './group.ts';
import { completeLifecycleHook } from './hooks.ts';
import type { InstanceContext } from './instance-context.ts';
import { type Notices, readNotices } from './notices.ts';
import { repeat } from './repeat.ts';

const GROUP_CALL_MS = 15_000;
/**
 * The longest interval between two checks. In a paused fleet an idle agent makes no other call, and its watchdog has to see
 * that it goes on.
 */
const MAX_PAUSE_CHECK_MS = 60_000;

/** What an instance has observed of its group, AWS's notices and its fleet. */
export interface Observation {
  group?: GroupFacts;
  notices?: Notices;
  paused?: boolean;
  /** An operator has asked to drain the instance. */
  drainRequested?: boolean;
}

/** Observes the group, AWS's notices and whether the fleet is paused, until the signal is aborted. */
export function startObserving(
  self: InstanceContext,
  signal: AbortSignal,
  onObservation: (observation: Observation) => void,
): void {
  const { config } = self;
  const { metadata, spot = false } = self.identity;
  const observeGroup = createGroupObserver(self, signal, onObservation);
  void repeat(self, config.reportSeconds * 1000, signal, 'cannot describe the group', observeGroup);
  observePause(self, signal, onObservation);
  if (!metadata) return;
  void repeat(self, config.noticeSeconds * 1000, signal, 'cannot read AWS’s notices', async () => {
    onObservation({ notices: await readNotices(metadata, spot) });
  });
}

function observePause(
  self: InstanceContext,
  signal: AbortSignal,
  onObservation: (observation: Observation) => void,
): void {
  const { config, supervisor } = self;
  if (config.table === undefined) return;
  const checkMs = Math.min(config.reportSeconds * 1000, MAX_PAUSE_CHECK_MS);
  let paused = false;
  void repeat(self, checkMs, signal, 'cannot see whether the fleet is paused', async () => {
    if (paused) supervisor.recordAttempt();
    paused = await isFleetPaused(self);
    onObservation({ paused });
  });
}

function createGroupObserver(
  self: InstanceContext,
  signal: AbortSignal,
  onObservation: (observation: Observation) => void,
): () => Promise<void> {
  const { clock, clients, groupName, identity } = self;
  let surplusBefore = false;
  return async () => {
    if (!groupName || !identity.metadata) return;
    const { lifecycleState, ...group } = await withTimeout(clock, GROUP_CALL_MS, (abortSignal) =>
      readGroupStatus(clients.autoScaling, groupName, identity.instanceId, abortSignal),
    );
    // One answer may show a group between two states, so a surplus counts only if it is seen twice in a row.
    onObservation({ group: { ...group, surplus: group.surplus && surplusBefore } });
    surplusBefore = group.surplus;
    if (lifecycleState === 'Pending:Wait')
      await completeLifecycleHook(self, self.config.launchHook, 0, signal);
  };
}
