import type { Dispatcher } from '../front-door/dispatch.ts';
import type { StreamHandler } from '../front-door/server.ts';
import type { CloudContext, RunningService } from '../front-door/service.ts';
import { bootstrapNames } from './bootstrap.ts';
import { createDynamoDb } from './dynamodb/service.ts';
import { startFauxqs } from './fauxqs.ts';
import { createKms } from './kms/service.ts';
import { ObjectEncryption } from './s3/encryption.ts';
import { createS3Handler } from './s3/rest.ts';
import { createS3 } from './s3/service.ts';
import { createBucketSettings } from './s3/settings.ts';
import { Versions } from './s3/versions.ts';
import type { QueueActivity } from './sqs/activity.ts';
import { createSqs } from './sqs/service.ts';
import { createSsm } from './ssm/service.ts';

export interface Storage {
  running: RunningService[];
  /** Which queues report metrics. */
  queueActivity: QueueActivity;
  /** S3 as it comes over the wire. */
  handleS3: StreamHandler;
  /** Makes a stand-in for the bucket of `cdk bootstrap`. */
  addBootstrapBucket(): Promise<void>;
}

/** All that keeps something: queues, objects, items, parameters. */
export async function createStorage(context: CloudContext, dispatcher: Dispatcher): Promise<Storage> {
  const fauxqs = await startFauxqs();
  const settings = createBucketSettings();
  const versions = new Versions(fauxqs.objects, settings.versioningOf);
  const standIns = new Set<string>();
  const s3 = createS3(fauxqs, settings, versions, standIns);
  const { running: kms, keys } = createKms(context);
  const sqs = createSqs(context, fauxqs, keys, dispatcher.allows);
  const encryption = new ObjectEncryption(settings, keys);
  return {
    running: [
      { service: s3, close: () => fauxqs.close() },
      ...[kms, sqs, createDynamoDb(context, keys), createSsm(context)],
    ],
    queueActivity: sqs.activity,
    addBootstrapBucket: async () => {
      const { bucket: Bucket } = bootstrapNames(context.accountId, context.region);
      await context.call('s3', 'CreateBucket', { Bucket });
      standIns.add(Bucket);
    },
    handleS3: createS3Handler(s3, dispatcher, fauxqs, settings, encryption, versions),
  };
}
