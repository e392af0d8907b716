import type { Outlook } from '../../jobs/record.ts';
import type { GroupFacts } from '../../policy/retirement.ts';
import { lookAtGroup } from './group.ts';
import { completeHook } from './hooks.ts';
import { type Notices, readNotices } from './notices.ts';
import { differs } from './outlook.ts';
import { isPaused } from './pause.ts';
import { type Self, slept, within } from './self.ts';
import { signOfLife } from './sign-of-life.ts';

const LOOK_MS = 15_000;
/** A report is made earlier if what it says has changed, which is looked at this many times in between. */
const LOOKS_PER_REPORT = 6;
/** At the latest: in a paused fleet it is all that an idle agent tries, and its watchdog has to see that it does. */
const PAUSE_LOOK_MS = 60_000;

/** What an instance has seen of the world outside itself. */
export interface Sight {
  group?: GroupFacts;
  notices?: Notices;
  paused?: boolean;
  /** An operator wants it to go. */
  drainRequested?: boolean;
}

/**
 * Tells the table that the instance lives, and what it does, until the signal is given: one that is silent for long is
 * ended. While the table does not take it, the log bucket is told. The table answers whether an operator wants it to go.
 */
export function report(
  self: Self,
  signal: AbortSignal,
  outlook: () => Outlook,
  seen: (news: Sight) => void,
): void {
  const { clock, config, identity, instances, refusals } = self;
  if (!instances) return;
  const lookMs = (config.reportSeconds * 1000) / LOOKS_PER_REPORT;
  const sign = signOfLife(self);
  let told: Outlook | undefined;
  let looks = 0;
  void repeat(self, lookMs, signal, 'cannot tell the table that this instance lives', async () => {
    const now = outlook();
    looks++;
    if (looks < LOOKS_PER_REPORT && !differs(told, now)) return;
    try {
      const { drainRequestedAt } = await instances.heard(identity.instanceId, clock.now(), now);
      refusals.answered('report');
      if (drainRequestedAt !== undefined) seen({ drainRequested: true });
    } catch (error) {
      if (config.trackJobs) refusals.failed('report', error);
      await sign(now);
      throw error;
    }
    told = now;
    looks = 0;
  });
}

/** Watches group, notices and whether the fleet is paused, until the signal is given. */
export function watch(self: Self, signal: AbortSignal, seen: (news: Sight) => void): void {
  const { config } = self;
  const { metadata, spot = false } = self.identity;
  const look = looker(self, signal, seen);
  void repeat(self, config.reportSeconds * 1000, signal, 'cannot look at the group', look);
  watchPause(self, signal, seen);
  if (!metadata) return;
  void repeat(self, config.noticeSeconds * 1000, signal, 'cannot read AWS’s notices', async () => {
    seen({ notices: await readNotices(metadata, spot) });
  });
}

function watchPause(self: Self, signal: AbortSignal, seen: (news: Sight) => void): void {
  const { config, supervisor } = self;
  if (config.table === undefined) return;
  const lookMs = Math.min(config.reportSeconds * 1000, PAUSE_LOOK_MS);
  let paused = false;
  void repeat(self, lookMs, signal, 'cannot see whether the fleet is paused', async () => {
    if (paused) supervisor.tried();
    paused = await isPaused(self);
    seen({ paused });
  });
}

function looker(self: Self, signal: AbortSignal, seen: (news: Sight) => void): () => Promise<void> {
  const { clock, clients, groupName, identity } = self;
  let surplusBefore = false;
  return async () => {
    if (!groupName || !identity.metadata) return;
    const { lifecycleState, ...group } = await within(clock, LOOK_MS, (abortSignal) =>
      lookAtGroup(clients.autoScaling, groupName, identity.instanceId, abortSignal),
    );
    // One look may see a group between two states; one that has too many is seen twice.
    seen({ group: { ...group, surplus: group.surplus && surplusBefore } });
    surplusBefore = group.surplus;
    if (lifecycleState === 'Pending:Wait') await completeHook(self, self.config.launchHook, 0, signal);
  };
}

/** Runs a task at once and then every `everyMs`, a tenth more or less, so that a fleet does not ask in step. */
async function repeat(
  { clock, log, random }: Self,
  everyMs: number,
  signal: AbortSignal,
  complaint: string,
  task: () => Promise<void>,
): Promise<void> {
  let failures = 0;
  do {
    try {
      await task();
      failures = 0;
    } catch (error) {
      failures++;
      // Each tenth only: what fails all night need not fill the log.
      if (failures % 10 === 1) log.warn({ err: error, failures }, complaint);
    }
  } while (await slept(clock, everyMs * (0.9 + 0.2 * random()), signal));
}
