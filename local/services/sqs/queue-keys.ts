import { textMap } from '../../front-door/read.ts';
import type { Input, KeyUse } from '../../front-door/service.ts';
import type { Keys } from '../kms/keys.ts';
import { parseQueueArn } from './queue-url.ts';

/**
 * The permissions on a queue's key that producers and consumers need ("Encryption at rest in Amazon SQS: key
 * management").
 */
export const SEND_ACTIONS = ['kms:GenerateDataKey', 'kms:Decrypt'];
export const RECEIVE_ACTIONS = ['kms:Decrypt'];

/** The keys that encrypt queues, by the attribute `KmsMasterKeyId`. */
export class QueueKeys {
  readonly #byName = new Map<string, string>();
  readonly #keys: Keys;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** @param input of a call that has set attributes of the queue; an empty key id means no key */
  set(queueName: string, input: Input): void {
    const { KmsMasterKeyId: key } = textMap(input, 'Attributes');
    if (key !== undefined) this.#byName.set(queueName, key);
  }

  forget(queueName: string): void {
    this.#byName.delete(queueName);
  }

  usesOf(queueArn: string, actions: string[]): KeyUse[] {
    const conditions = { 'kms:EncryptionContext:aws:sqs:arn': queueArn };
    return this.#keys.use(this.#byName.get(parseQueueArn(queueArn)), { actions, conditions });
  }
}
