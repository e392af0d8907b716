import { createHash } from 'node:crypto';
import { createBindingAttributes } from './binding.ts';
import { bodyKey } from './body-key.ts';
import { type MessageAttributes, parseAttributes } from './message-attributes.ts';
import { toMessageText } from './message-text.ts';
import type { JobRecord } from './record.ts';

/** The number of the release that a message belongs to. A job's record has the number of its present release. */
const RELEASE = 'MayflyRelease';

/** The release of a message. Undefined: it has none, so it is a producer's own message. */
export function readRelease(attributes: MessageAttributes): number | undefined {
  const text = attributes[RELEASE]?.StringValue;
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

/** The message of a job that may run now. */
export interface ReleaseMessage {
  body: string;
  attributes: MessageAttributes;
  /**
   * The request of the job, or its group: SQS's fair queues keep one from delaying the others. All of these names are allowed
   * ("SendMessage": 1 to 128 letters, digits and punctuation).
   */
  messageGroupId: string;
}

/** Makes the message of a released job from its record. A body that is too long for the record is in the log bucket. */
export function createReleaseMessage(record: JobRecord, release: number): ReleaseMessage {
  const { id, body, limitSeconds, group, target, requestId, nonce, attributes } = record;
  const envelope = {
    mayfly: 1,
    id,
    ...(body === undefined ? { bodyKey: bodyKey(id) } : { payload: body }),
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    // Agents of earlier versions refuse the key: their workers would get no target, and no other command than the fleet's.
    ...(target !== undefined && { target }),
    ...(requestId !== undefined && { requestId }),
  };
  return {
    body: toMessageText(envelope),
    attributes: {
      ...(attributes !== undefined && parseAttributes(attributes)),
      ...createBindingAttributes(nonce),
      [RELEASE]: { DataType: 'Number', StringValue: `${release}` },
    },
    messageGroupId: requestId ?? group ?? id,
  };
}

/**
 * The id of a request's job. It follows from the request, so that a release finds the job without an index.
 *
 * @param number of the job in its group, from 1
 */
export function requestJobId(request: string, group: string, number: number): string {
  return `r-${digest(`${request}\n${group}\n${number}`)}`;
}

/** The numbers of jobs of a request in one group, by their ids. An id that is of no such job is missing in the result. */
export function findNumbers(
  request: string,
  { group, count }: { group: string; count: number },
  ids: ReadonlySet<string>,
): Map<string, number> {
  const found = new Map<string, number>();
  for (let number = 1; number <= count && found.size < ids.size; number += 1) {
    const id = requestJobId(request, group, number);
    if (ids.has(id)) found.set(id, number);
  }
  return found;
}

/** The id of the roll-back or the check that follows a job. */
export function stageJobId(job: string, stage: 'rollBack' | 'check'): string {
  return `r-${digest(`${job}\n${stage}`)}`;
}

/** Whether an id is that of a request's job or of a stage. Their records are written before their messages. */
export function isRequestJobId(id: string): boolean {
  return /^r-[0-9a-f]{24}$/.test(id);
}

/** 96 bits. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}
