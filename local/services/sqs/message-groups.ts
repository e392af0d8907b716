import { AsyncLocalStorage } from 'node:async_hooks';
import { AwsError, type Input } from '../../front-door/service.ts';
import type { StoredMessage, StoredQueue } from '../fauxqs-stores.ts';
import { batchEntries, listOf } from './batch.ts';

/** "SendMessage": 1 to 128 characters, each alphanumeric or one of the punctuation marks of ASCII. */
const ALLOWED = /^[!-~]{1,128}$/;

interface HeldMessage {
  message: StoredMessage;
  enqueue: () => void;
}

/**
 * Message groups of standard queues ("Amazon SQS fair queues"). `ReceiveMessage` returns a message's group on request. A
 * group neither orders nor deduplicates messages there. fauxqs drops it, so it is added before the message can be
 * received. fauxqs's `ReceiveMessage` then returns it.
 *
 * AWS delivers messages of other groups first while one group has a large part of the messages in flight. Its
 * thresholds are approximate and it guarantees no order, so here the order is that of any standard queue.
 */
export class MessageGroups {
  readonly #sends = new AsyncLocalStorage<HeldMessage[]>();

  /**
   * Sends the messages of a call to fauxqs. They are enqueued once its answer says to which entry each belongs.
   *
   * @param input of `SendMessage` or `SendMessageBatch`
   */
  async send(input: Input, send: () => Promise<Input>): Promise<Input> {
    const groups = groupsOf(input);
    if (groups.size === 0) return send();
    const held: HeldMessage[] = [];
    const output = await this.#sends.run(held, send);
    const sent = [output, ...listOf(output['Successful'])];
    const groupOf = new Map(sent.map(({ MessageId, Id }) => [MessageId, groups.get(Id)]));
    for (const { message, enqueue } of held) {
      const group = groupOf.get(message.messageId);
      if (group !== undefined) message.messageGroupId = group;
      enqueue();
    }
    return output;
  }

  /** Lets `enqueue` run now, or at the end of the call that sends the message with others to groups. */
  enqueue(queue: StoredQueue, message: StoredMessage, enqueue: () => void): void {
    const held = this.#sends.getStore();
    // fauxqs keeps the groups of FIFO queues itself.
    if (held && !queue.isFifo()) held.push({ message, enqueue });
    else enqueue();
  }
}

/** The groups of a call's messages, by the ids of the entries. The message of `SendMessage` has none. */
function groupsOf(input: Input): Map<unknown, string> {
  const groups = [input, ...batchEntries(input)].flatMap(({ Id, MessageGroupId: group }) =>
    typeof group === 'string' ? [[Id, group] as const] : [],
  );
  return new Map(groups);
}

/**
 * Refuses a group that AWS refuses, and an id for deduplication in a standard queue ("SendMessage"). fauxqs checks
 * neither.
 *
 * Throws `AwsError` InvalidParameterValue.
 *
 * @param message an entry of a batch, or the input of `SendMessage`
 */
export function checkGroup(queueName: string, message: Input): void {
  const { MessageGroupId: group, MessageDeduplicationId: deduplication } = message;
  if (group !== undefined && group !== null && !ALLOWED.test(String(group))) {
    const reason =
      'MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length';
    throw refused('MessageGroupId', group, reason);
  }
  if (deduplication !== undefined && deduplication !== null && !queueName.endsWith('.fifo')) {
    const reason = 'The request include parameter that is not valid for this queue type';
    throw refused('MessageDeduplicationId', deduplication, reason);
  }
}

function refused(parameter: string, value: unknown, reason: string): AwsError {
  const message = `Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}.`;
  return new AwsError('InvalidParameterValue', message);
}
