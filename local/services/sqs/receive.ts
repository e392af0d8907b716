import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Call, Input } from '../../front-door/service.ts';
import { listOf } from './batch.ts';
import { unescapeBody } from './body-text.ts';
import type { Queue } from './queue.ts';
import { encodeReceipt } from './receipt-handle.ts';
import { md5 } from './send.ts';

/** The longest wait of one fauxqs call. */
const SLICE_SECONDS = 0.5;

/**
 * A receive that waits as AWS's does. When one message comes, fauxqs wakes all waiting receives and answers the others
 * without a message, and it keeps waiting for a caller who has hung up. So the waiting is done here, in short slices.
 */
export async function receiveMessages(queue: Queue, input: Input, call: Call): Promise<Input> {
  const waitSeconds = await waitTime(queue, input);
  const endMs = performance.now() + waitSeconds * 1000;
  const request = { ...input, MessageAttributeNames: input['MessageAttributeNames'] ?? NO_ATTRIBUTES };
  for (let slice = Math.min(waitSeconds, SLICE_SECONDS); ; ) {
    // An invalid wait time is passed on, and fauxqs refuses it.
    const WaitTimeSeconds = waitSeconds > 20 ? waitSeconds : slice;
    const messages = listOf(
      (await queue.call('ReceiveMessage', { ...request, WaitTimeSeconds }))['Messages'],
    );
    // Lets a hang-up of the caller be noticed before a message is received.
    if (slice > 0) await nextTurn();
    if (call.signal.aborted) {
      await makeVisible(queue, messages);
      return {};
    }
    if (messages.length > 0)
      return { Messages: messages.map((message) => asReceived(message, queue, input)) };
    slice = Math.min((endMs - performance.now()) / 1000, SLICE_SECONDS);
    if (slice <= 0) return {};
  }
}

/** AWS returns the requested attributes; fauxqs returns all if none were requested. */
const NO_ATTRIBUTES = ['-'];

async function waitTime(queue: Queue, input: Input): Promise<number> {
  const given = input['WaitTimeSeconds'];
  if (given !== undefined && given !== null) return Number(given);
  const name = 'ReceiveMessageWaitTimeSeconds';
  const { Attributes } = await queue.call('GetQueueAttributes', { AttributeNames: [name] });
  return Number((Attributes as Record<string, string>)[name] ?? 0);
}

/** Makes messages visible again at once if their caller has hung up, rather than after their time-out. */
async function makeVisible(queue: Queue, messages: Input[]): Promise<void> {
  for (const { ReceiptHandle } of messages) {
    await queue.call('ChangeMessageVisibility', { ReceiptHandle, VisibilityTimeout: 0 });
  }
}

function asReceived(message: Input, queue: Queue, input: Input): Input {
  const handle = String(message['ReceiptHandle']);
  const ReceiptHandle = encodeReceipt({ handle, queue: queue.name, receivedAtMs: Date.now() });
  const stored = String(message['Body']);
  const body = unescapeBody(stored);
  const received = { ...message, ReceiptHandle, ...sourceAttribute(message, queue, input) };
  return body === stored ? received : { ...received, Body: body, MD5OfBody: md5(body) };
}

const SOURCE = 'DeadLetterQueueSourceArn';

/** The source queue of a dead letter, if the request asks for it ("ReceiveMessage"). */
function sourceAttribute(message: Input, queue: Queue, input: Input): Input {
  const wanted = [input['AttributeNames'], input['MessageSystemAttributeNames']].flat();
  if (!wanted.includes('All') && !wanted.includes(SOURCE)) return {};
  const source = queue.deadLetterSource(String(message['ReceiptHandle']));
  return source === undefined ? {} : { Attributes: { ...(message['Attributes'] ?? {}), [SOURCE]: source } };
}
