import { sleepUnlessAborted } from '../../lib/sleep.ts';
import { isWarmPoolState } from '../../policy/retirement.ts';
import type { InstanceContext } from './instance-context.ts';
import { type Notices, readNotices } from './notices.ts';

/**
 * Whether the instance is to stay in its group's warm pool for now. If the metadata service does not answer, the instance
 * counts as in service. It does not retire from the pool: later checks find out.
 */
export async function isInWarmPool(self: InstanceContext): Promise<boolean> {
  const notices = await tryReadNotices(self);
  return isWarmPoolState(notices?.targetState);
}

/** Resolves when the instance is to leave the warm pool, with the notices; or when the agent is stopped. */
export async function waitInWarmPool(self: InstanceContext, signal: AbortSignal): Promise<Notices> {
  const { clock, config, log } = self;
  log.info('waiting in the warm pool');
  while (await sleepUnlessAborted(clock, config.noticeSeconds * 1000, signal)) {
    const notices = await tryReadNotices(self);
    if (!notices || isWarmPoolState(notices.targetState)) continue;
    log.info(notices, 'leaving the warm pool');
    return notices;
  }
  return {};
}

async function tryReadNotices({ identity, log, supervisor }: InstanceContext): Promise<Notices | undefined> {
  supervisor.recordAttempt();
  if (!identity.metadata) return undefined;
  try {
    return await readNotices(identity.metadata, identity.spot ?? false);
  } catch (error) {
    log.warn({ err: error }, 'cannot read AWS’s notices');
    return undefined;
  }
}
