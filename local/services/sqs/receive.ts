import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Call, Input } from '../../front-door/service.ts';
import { listOf } from './batch.ts';
import { unescapeBody } from './body-text.ts';
import type { Queue } from './queue.ts';
import { encodeReceipt } from './receipt-handle.ts';
import { md5 } from './send.ts';

/** How long fauxqs is asked to wait at once. */
const SLICE_SECONDS = 0.5;

/**
 * A receive that waits as AWS's does. fauxqs wakes all who wait when one message comes and sends the others away
 * empty, and goes on waiting for a caller who has hung up: so it waits here, in short slices.
 */
export async function receiveMessages(queue: Queue, input: Input, call: Call): Promise<Input> {
  const waitSeconds = await waitTime(queue, input);
  const endMs = performance.now() + waitSeconds * 1000;
  const request = { ...input, MessageAttributeNames: input['MessageAttributeNames'] ?? NO_ATTRIBUTES };
  for (let slice = Math.min(waitSeconds, SLICE_SECONDS); ; ) {
    // A wait time that is out of bounds goes to fauxqs as it is, which refuses it.
    const WaitTimeSeconds = waitSeconds > 20 ? waitSeconds : slice;
    const messages = listOf((await queue.ask('ReceiveMessage', { ...request, WaitTimeSeconds }))['Messages']);
    // Lets the news that the caller hung up arrive before a message goes to nobody.
    if (slice > 0) await nextTurn();
    if (call.signal.aborted) {
      await handBack(queue, messages);
      return {};
    }
    if (messages.length > 0)
      return { Messages: messages.map((message) => asReceived(message, queue, input)) };
    slice = Math.min((endMs - performance.now()) / 1000, SLICE_SECONDS);
    if (slice <= 0) return {};
  }
}

/** AWS gives the attributes that were asked for; fauxqs gives all if none were. */
const NO_ATTRIBUTES = ['-'];

async function waitTime(queue: Queue, input: Input): Promise<number> {
  const given = input['WaitTimeSeconds'];
  if (given !== undefined && given !== null) return Number(given);
  const name = 'ReceiveMessageWaitTimeSeconds';
  const { Attributes } = await queue.ask('GetQueueAttributes', { AttributeNames: [name] });
  return Number((Attributes as Record<string, string>)[name] ?? 0);
}

/** Messages that nobody waits for any more become visible again, rather than after their time-out. */
async function handBack(queue: Queue, messages: Input[]): Promise<void> {
  for (const { ReceiptHandle } of messages) {
    await queue.ask('ChangeMessageVisibility', { ReceiptHandle, VisibilityTimeout: 0 });
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

/** The queue that has redriven the message, for those who ask ("ReceiveMessage"). */
function sourceAttribute(message: Input, queue: Queue, input: Input): Input {
  const wanted = [input['AttributeNames'], input['MessageSystemAttributeNames']].flat();
  if (!wanted.includes('All') && !wanted.includes(SOURCE)) return {};
  const source = queue.deadLetterSource(String(message['ReceiptHandle']));
  return source === undefined ? {} : { Attributes: { ...(message['Attributes'] ?? {}), [SOURCE]: source } };
}
