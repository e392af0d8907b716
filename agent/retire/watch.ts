import type { GroupFacts } from '../../policy/retirement.ts';
import { lookAtGroup } from './group.ts';
import { completeHook } from './hooks.ts';
import { type Notices, readNotices } from './notices.ts';
import { type Self, slept, within } from './self.ts';

const LOOK_MS = 15_000;

/** What an instance has seen of the world outside itself. */
export interface Sight {
  group?: GroupFacts;
  notices?: Notices;
}

/** Tells the table that the instance lives, until the signal is given: one that is silent for long is ended. */
export function report(self: Self, signal: AbortSignal): void {
  const { clock, config, identity, instances } = self;
  if (!instances) return;
  void repeat(
    self,
    config.reportSeconds * 1000,
    signal,
    'cannot tell the table that this instance lives',
    () => instances.heard(identity.instanceId, clock.now()),
  );
}

/** Watches group and notices until the signal is given. */
export function watch(self: Self, signal: AbortSignal, seen: (news: Sight) => void): void {
  const { config } = self;
  const { metadata, spot = false } = self.identity;
  const look = looker(self, signal, seen);
  void repeat(self, config.reportSeconds * 1000, signal, 'cannot look at the group', look);
  if (!metadata) return;
  void repeat(self, config.noticeSeconds * 1000, signal, 'cannot read AWS’s notices', async () => {
    seen({ notices: await readNotices(metadata, spot) });
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
