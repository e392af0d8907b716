import { PutObjectCommand } from '@aws-sdk/client-s3';
import { withTimeout } from '../../lib/with-timeout.ts';
import type { Broken } from '../../policy/retirement.ts';
import { instanceLogKey } from '../../store/bucket-keys.ts';
import type { InstanceContext } from './instance-context.ts';

const SAVE_MS = 20_000;

/**
 * Puts the latest lines of the agent's log into the log bucket. If the agent cannot, `save_log` of mayfly-retire puts the
 * instance's log there. A failed write is logged and delays nothing more.
 */
export async function saveInstanceLog(
  self: InstanceContext,
  broken: Broken,
  decidedAt: string,
): Promise<void> {
  const { clients, clock, config, identity, log, recentLog } = self;
  if (config.logBucket === undefined || recentLog === undefined) return;
  const object = {
    Bucket: config.logBucket,
    Key: instanceLogKey(identity.instanceId, decidedAt, broken),
    Body: recentLog(),
  };
  try {
    await withTimeout(clock, SAVE_MS, (abortSignal) =>
      clients.s3.send(new PutObjectCommand(object), { abortSignal }),
    );
  } catch (err) {
    log.error({ err }, 'the log of this instance could not be saved');
  }
}
