import type { Message } from '@aws-sdk/client-sqs';
import { readNonce } from '../../jobs/binding.ts';
import { redrivenFrom } from '../../jobs/dead-letter.ts';
import { createOwnJobId } from '../../jobs/message.ts';
import type { JobRecord } from '../../jobs/record.ts';
import type { DeadLetter } from './parse.ts';

/** What shows which job a dead letter belongs to. */
export interface MessageOrigin {
  /** The nonce in its message attributes, which a job's record has too. */
  nonce: string | undefined;
  /** An agent wrote it and named the job. A message that SQS moved has only what its producer wrote. */
  isFromAgent: boolean;
}

export function readOrigin({ Attributes, MessageAttributes = {} }: Message): MessageOrigin {
  const isMoved = Attributes?.DeadLetterQueueSourceArn !== undefined;
  return {
    nonce: readNonce(MessageAttributes),
    isFromAgent: !isMoved && redrivenFrom(MessageAttributes) !== undefined,
  };
}

/**
 * The id of the job that a dead letter belongs to. If it names a job but has not that job's nonce, it belongs to a job
 * of its own, whose id is made of the message's id.
 *
 * @param record of the job that it names
 */
export function findOwner(
  { id, messageId }: DeadLetter,
  proof: MessageOrigin,
  record: JobRecord | undefined,
): string {
  const { nonce } = record ?? {};
  return proof.isFromAgent || nonce === undefined || nonce === proof.nonce ? id : createOwnJobId(messageId);
}
