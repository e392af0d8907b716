import type { Dispatcher } from '../front-door/dispatch.ts';
import type { CloudContext, RunningService } from '../front-door/service.ts';
import { createDynamoDb } from './dynamodb/service.ts';
import { startFauxqs } from './fauxqs.ts';
import type { Keys } from './kms/keys.ts';
import { createKms } from './kms/service.ts';
import { createSecretsManager } from './secretsmanager/service.ts';
import type { QueueActivity } from './sqs/activity.ts';
import { createSqs } from './sqs/service.ts';
import { createSsm } from './ssm/service.ts';

export interface Storage {
  running: RunningService[];
  keys: Keys;
  /** Which queues report metrics. */
  queueActivity: QueueActivity;
}

/** The services of a region that store something: queues, items, parameters, secrets, keys. */
export async function createStorage(context: CloudContext, allows: Dispatcher['allows']): Promise<Storage> {
  const fauxqs = await startFauxqs();
  const { running: kms, keys } = createKms(context);
  const sqs = createSqs(context, fauxqs, keys, allows);
  const queues: RunningService = {
    service: sqs.service,
    close: async () => {
      await sqs.close();
      await fauxqs.close();
    },
  };
  return {
    running: [
      ...[queues, kms, createDynamoDb(context, keys), createSsm(context, keys)],
      createSecretsManager(context, keys),
    ],
    ...{ keys, queueActivity: sqs.activity },
  };
}
