import { createHash } from 'node:crypto';
import { optionalNumber } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import { batchEntries, listOf, prepareEntries } from './batch.ts';
import { checkCharacters, escapeBody } from './body-text.ts';
import { checkAttributes } from './message-attributes.ts';
import { checkGroup } from './message-groups.ts';
import type { Queue } from './queue.ts';

export async function sendMessage(queue: Queue, input: Input): Promise<Input> {
  const prepared = prepare(queue, input);
  const output = await queue.call('SendMessage', prepared);
  return withOwnDigest(output, input, prepared);
}

export async function sendMessageBatch(queue: Queue, input: Input): Promise<Input> {
  const entries = batchEntries(input);
  const { ready, failed } = prepareEntries(entries, (entry) => prepare(queue, entry));
  if (ready.length === 0 && failed.length > 0) return { Successful: [], Failed: failed };
  const output = await queue.call('SendMessageBatch', { Entries: ready });
  const originals = new Map(entries.map((entry) => [entry['Id'], entry]));
  const readyById = new Map(ready.map((entry) => [entry['Id'], entry]));
  const successful = listOf(output['Successful']).map((result) =>
    withOwnDigest(result, originals.get(result['Id']) ?? {}, readyById.get(result['Id']) ?? {}),
  );
  return { Successful: successful, Failed: [...listOf(output['Failed']), ...failed] };
}

/** "SendMessage": the maximum of DelaySeconds. */
const LONGEST_DELAY_SECONDS = 900;

function prepare(queue: Queue, entry: Input): Input {
  const delay = optionalNumber(entry, 'DelaySeconds') ?? 0;
  if (delay < 0 || delay > LONGEST_DELAY_SECONDS) {
    const message = `Value ${delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= ${LONGEST_DELAY_SECONDS}.`;
    throw new AwsError('InvalidParameterValue', message);
  }
  checkAttributes(entry['MessageAttributes']);
  checkGroup(queue.name, entry);
  const body = entry['MessageBody'];
  if (typeof body !== 'string') return entry;
  checkCharacters(body);
  const escaped = escapeBody(body);
  return escaped === body ? entry : { ...entry, MessageBody: escaped };
}

/** SDKs compare the digest with that of the message that they sent. */
function withOwnDigest(output: Input, sent: Input, prepared: Input): Input {
  if (sent['MessageBody'] === prepared['MessageBody']) return output;
  return { ...output, MD5OfMessageBody: md5(String(sent['MessageBody'])) };
}

export function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
