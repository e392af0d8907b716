import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Forecast } from '../../jobs/record.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { heartbeatKey } from '../../store/bucket-keys.ts';
import type { InstanceContext } from './instance-context.ts';

const CALL_MS = 15_000;

/**
 * Creates the second heartbeat: an object in the log bucket, whose age S3 knows. The keeper checks it before it terminates
 * an instance that has not reported to the table for long. It is written at most every `reportSeconds`. A failed write is
 * logged and delays nothing.
 */
export function createHeartbeat(self: InstanceContext): (forecast: Forecast) => Promise<void> {
  const { clients, clock, config, identity, log } = self;
  const { logBucket, reportSeconds } = config;
  let writtenAtMs: number | undefined;
  return async (forecast) => {
    const nowMs = clock.monotonic();
    if (logBucket === undefined) return;
    if (writtenAtMs !== undefined && nowMs - writtenAtMs < reportSeconds * 1000) return;
    writtenAtMs = nowMs;
    const object = {
      ...{ Bucket: logBucket, Key: heartbeatKey(identity.instanceId) },
      ...{ Body: JSON.stringify(forecast), ContentType: 'application/json' },
    };
    try {
      await withTimeout(clock, CALL_MS, (abortSignal) =>
        clients.s3.send(new PutObjectCommand(object), { abortSignal }),
      );
    } catch (error) {
      log.warn({ err: error }, 'cannot write a heartbeat to the log bucket');
    }
  };
}
