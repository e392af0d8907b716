import type { Message } from '@aws-sdk/client-sqs';
import { nonceOf } from '../../jobs/binding.ts';
import { raisedFrom } from '../../jobs/dead-letter.ts';
import { ownId } from '../../jobs/message.ts';
import type { JobRecord } from '../../jobs/record.ts';
import type { DeadLetter } from './dead-letter.ts';

/** What shows which job a dead letter belongs to. */
export interface Proof {
  /** The nonce in its message attributes, which a job's record has too. */
  nonce: string | undefined;
  /** An agent wrote it and named the job. A message that SQS moved has only what its producer wrote. */
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
 * The id of the job that a dead letter belongs to. If it names a job but has not that job's nonce, it belongs to a job
 * of its own, whose id is made of the message's id.
 *
 * @param record of the job that it names
 */
export function ownerOf({ id, messageId }: DeadLetter, proof: Proof, record: JobRecord | undefined): string {
  const { nonce } = record ?? {};
  return proof.isNamed || nonce === undefined || nonce === proof.nonce ? id : ownId(messageId);
}
