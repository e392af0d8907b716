import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { instanceLogPrefix } from '../jobs/log-layout.ts';
import { type Launch, trips } from '../policy/breaker.ts';
import { refusalKind } from '../policy/refusal.ts';
import { act } from './act.ts';
import type { Hands } from './hands.ts';
import { activitiesOf, groupOf, launchesOf } from './look.ts';
import type { Action } from './plan.ts';

/** Three instances that boot slowly and are refused, one after the other, have gone by then. */
const RECENT_MS = 7_200_000;
/** Launches whose logs are looked for: the breaker's own limit and those that still boot. */
const MOST_LAUNCHES = 10;
/** How the key of an instance's log ends that retired as AWS refused it what it needs. */
const REFUSED_LOG = /-cannot-[a-z-]+\.log$/;

/**
 * What is left to do when AWS refuses the keeper its look for good, as that of a table which was deleted: nothing is known
 * of instances, and nothing can be remembered. `Launch` is suspended once the last instances have gone one after the
 * other because they were refused as well. Their saved logs show it: each was refused for minutes, so that one look of the
 * keeper that is refused by chance suspends nothing.
 */
export async function afterRefusedLook(hands: Hands, error: unknown): Promise<void> {
  if (!(error instanceof Error) || refusalKind(error) !== 'lasting') return;
  const { clients, config, nowMs } = hands;
  const group = await groupOf(clients, config);
  if (!group) return;
  const isSuspended = group.suspended.has('Launch');
  const launched = launchesOf(await activitiesOf(clients, config.groupName))
    .filter(({ startedAtMs }) => isSuspended || nowMs - startedAtMs < RECENT_MS)
    .slice(0, Math.max(MOST_LAUNCHES, config.breakerFailures));
  const present = new Set(group.instances.map(({ instance }) => instance));
  const launches = await Promise.all(
    launched.map(async ({ instance, startedAtMs }): Promise<Launch> => {
      if (await wentRefused(hands, instance)) return { instance, startedAtMs, outcome: 'failed' };
      return { instance, startedAtMs, outcome: present.has(instance) ? 'pending' : 'ready' };
    }),
  );
  if (!trips({ launches, resumedAtMs: undefined, limit: config.breakerFailures })) return;
  const actions: Action[] = isSuspended ? [] : [{ do: 'suspend-launch' }];
  await act(hands, [...actions, { do: 'report-breaker', open: true }]);
}

async function wentRefused({ clients, config }: Hands, instance: string): Promise<boolean> {
  const scope = { Bucket: config.logBucket, Prefix: instanceLogPrefix(instance) };
  if (scope.Bucket === undefined) return false;
  const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command(scope));
  return Contents.some(({ Key = '' }) => REFUSED_LOG.test(Key));
}
