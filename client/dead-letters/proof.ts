import type { Message } from '@aws-sdk/client-sqs';
import { nonceOf } from '../../jobs/binding.ts';
import { raisedFrom } from '../../jobs/dead-letter.ts';
import { ownId } from '../../jobs/message.ts';
import type { JobRecord } from '../../jobs/record.ts';
import type { DeadLetter } from './dead-letter.ts';

/** What a dead letter has to prove whose it is. */
export interface Proof {
  nonce: string | undefined;
  /** An agent wrote it and named the job. What SQS moved by itself has only what its producer wrote. */
  isNamed: boolean;
}

export function proofOf({ Attributes, MessageAttributes = {} }: Message): Proof {
  const isMoved = Attributes?.DeadLetterQueueSourceArn !== undefined;
  return {
    nonce: nonceOf(MessageAttributes),
    isNamed: !isMoved && raisedFrom(MessageAttributes) !== undefined,
  };
}

/**
 * The job that a dead letter is of. One that names a job and was not enqueued with it is of none but its own message.
 *
 * @param record of the job that it names
 */
export function ownerOf({ id, messageId }: DeadLetter, proof: Proof, record: JobRecord | undefined): string {
  const { nonce } = record ?? {};
  return proof.isNamed || nonce === undefined || nonce === proof.nonce ? id : ownId(messageId);
}
