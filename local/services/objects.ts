import type { CloudClock } from '../clock.ts';
import type { Dispatcher } from '../front-door/dispatch.ts';
import type { StreamHandler } from '../front-door/server.ts';
import type { CloudContext, Service } from '../front-door/service.ts';
import { bootstrapNames } from './bootstrap.ts';
import { startFauxqs } from './fauxqs.ts';
import type { Keys } from './kms/keys.ts';
import { ObjectEncryption } from './s3/encryption.ts';
import { startLifecycleRules } from './s3/lifecycle.ts';
import { createS3Handler } from './s3/rest.ts';
import { createS3 } from './s3/service.ts';
import { createBucketSettings } from './s3/settings.ts';
import { Versions } from './s3/versions.ts';
import { WriteQueue } from './s3/write-queue.ts';

/**
 * S3. Bucket names are unique across all regions. Each bucket is in one region, but can be used from all, as AWS
 * redirects a client of another region to the bucket's own.
 */
export interface Objects {
  service: Service;
  /** Handles S3 requests of the wire protocol. */
  handle: StreamHandler;
  /** Creates a stand-in for the bucket of `cdk bootstrap`. */
  addBootstrapBucket(context: CloudContext): Promise<void>;
  close(): Promise<void>;
}

/** @param keysOf the KMS keys of a region, with which the buckets of that region are encrypted */
export async function createObjects(
  clock: CloudClock,
  dispatcher: Dispatcher,
  keysOf: (region: string) => Keys | undefined,
): Promise<Objects> {
  const fauxqs = await startFauxqs();
  const settings = createBucketSettings();
  const versions = new Versions(fauxqs.objects, settings.versioningOf);
  const standIns = new Set<string>();
  const service = createS3(fauxqs, settings, versions, standIns);
  const encryption = new ObjectEncryption(settings, keysOf);
  const stop = startLifecycleRules(clock, fauxqs.objects, settings, versions);
  return {
    service,
    handle: createS3Handler(service, dispatcher, fauxqs, settings, encryption, versions, new WriteQueue()),
    async addBootstrapBucket({ accountId, region, call }) {
      const { bucket: Bucket } = bootstrapNames(accountId, region);
      // It may have been created from another region.
      if (fauxqs.objects.hasBucket(Bucket)) return;
      await call('s3', 'CreateBucket', { Bucket });
      standIns.add(Bucket);
    },
    close: () => {
      stop();
      return fauxqs.close();
    },
  };
}
