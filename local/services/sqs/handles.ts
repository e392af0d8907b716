import { AwsError, type Input } from '../../front-door/service.ts';
import { batchEntries, listOf, prepareEntries } from './batch.ts';
import type { Queue } from './queue.ts';
import { decodeReceipt } from './receipt-handle.ts';

/** "Amazon SQS visibility timeout": the maximum, counted from the receive. */
const LONGEST_INVISIBLE_SECONDS = 43_200;

/** An old handle is not an error: the call succeeds and deletes nothing ("DeleteMessage"). */
export async function deleteMessage(queue: Queue, input: Input): Promise<Input> {
  await queue.call('DeleteMessage', withHandle(input, queue));
  return {};
}

export async function changeVisibility(queue: Queue, input: Input): Promise<Input> {
  await queue.call('ChangeMessageVisibility', withHandleAndTimeout(input, queue));
  return {};
}

export function deleteMessageBatch(queue: Queue, input: Input): Promise<Input> {
  return batch('DeleteMessageBatch', queue, input, (entry) => withHandle(entry, queue));
}

export async function changeVisibilityBatch(queue: Queue, input: Input): Promise<Input> {
  const output = await batch('ChangeMessageVisibilityBatch', queue, input, (entry) =>
    withHandleAndTimeout(entry, queue),
  );
  const failed = listOf(output['Failed']).map((failure) =>
    // Handles that were never valid were refused before, so fauxqs's error means an old handle.
    failure['Code'] === 'ReceiptHandleIsInvalid' && failure['Message'] === FAUXQS_UNKNOWN_HANDLE
      ? { ...failure, Code: 'MessageNotInflight', Message: NOT_IN_FLIGHT }
      : failure,
  );
  return { ...output, Failed: failed };
}

const FAUXQS_UNKNOWN_HANDLE = 'The input receipt handle is invalid.';
const NOT_IN_FLIGHT = 'Message does not exist or is not available for visibility timeout change.';

async function batch(
  action: string,
  queue: Queue,
  input: Input,
  prepare: (entry: Input) => Input,
): Promise<Input> {
  const { ready, failed } = prepareEntries(batchEntries(input), prepare);
  if (ready.length === 0 && failed.length > 0) return { Successful: [], Failed: failed };
  const output = await queue.call(action, { Entries: ready });
  return { Successful: output['Successful'], Failed: [...listOf(output['Failed']), ...failed] };
}

function withHandle(entry: Input, queue: Queue): Input {
  return { ...entry, ReceiptHandle: decodeReceipt(entry['ReceiptHandle'], queue.name).handle };
}

function withHandleAndTimeout(entry: Input, queue: Queue): Input {
  const { handle, receivedAtMs } = decodeReceipt(entry['ReceiptHandle'], queue.name);
  const seconds = Number(entry['VisibilityTimeout'] ?? 0);
  const spentSeconds = (Date.now() - receivedAtMs) / 1000;
  if (seconds <= LONGEST_INVISIBLE_SECONDS && seconds + spentSeconds > LONGEST_INVISIBLE_SECONDS + 1) {
    throw new AwsError(
      'InvalidParameterValue',
      `Value ${seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [${LONGEST_INVISIBLE_SECONDS} seconds]`,
    );
  }
  return { ...entry, ReceiptHandle: handle };
}
