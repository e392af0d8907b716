import { PutObjectCommand } from '@aws-sdk/client-s3';
import { withTimeout } from '../../lib/with-timeout.ts';
import { signOfLifeKey } from '../../store/log-layout.ts';
import type { Outlook } from '../../jobs/record.ts';
import type { Self } from './self.ts';

const CALL_MS = 15_000;

/**
 * The second sign of life: an object in the log bucket, whose age S3 tells. The keeper looks at it before it ends an
 * instance that the table has not heard of for long. Nothing is written more often than reports are made; a bucket that
 * does not take it either is reported and holds nothing up.
 */
export function signOfLife(self: Self): (outlook: Outlook) => Promise<void> {
  const { clients, clock, config, identity, log } = self;
  const { logBucket, reportSeconds } = config;
  let signedAtMs: number | undefined;
  return async (outlook) => {
    const nowMs = clock.monotonic();
    if (logBucket === undefined) return;
    if (signedAtMs !== undefined && nowMs - signedAtMs < reportSeconds * 1000) return;
    signedAtMs = nowMs;
    const object = {
      ...{ Bucket: logBucket, Key: signOfLifeKey(identity.instanceId) },
      ...{ Body: JSON.stringify(outlook), ContentType: 'application/json' },
    };
    try {
      await withTimeout(clock, CALL_MS, (abortSignal) =>
        clients.s3.send(new PutObjectCommand(object), { abortSignal }),
      );
    } catch (error) {
      log.warn({ err: error }, 'cannot give a sign of life in the log bucket');
    }
  };
}
