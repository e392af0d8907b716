import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { JobRecord, StreamLog } from '../../jobs/record.ts';
import { fromItem } from '../../store/item.ts';

/** The output of the last try of a job, both streams in their order, from its item in the table. */
export function readOutput(item: Record<string, AttributeValue> = {}): string {
  const { tries } = fromItem(item) as unknown as Partial<JobRecord>;
  const log = tries?.at(-1)?.log;
  if (!log) return '';
  if (log.tail !== undefined) return log.tail;
  const streams = { 1: contentOf(log.stdout), 2: contentOf(log.stderr) };
  const parts = (log.times ?? []).map(([, stream, bytes]) => {
    const part = streams[stream].subarray(0, bytes);
    streams[stream] = streams[stream].subarray(bytes);
    return part;
  });
  return Buffer.concat(parts).toString();
}

function contentOf({ text, base64 = '' }: StreamLog): Buffer {
  return text === undefined ? Buffer.from(base64, 'base64') : Buffer.from(text);
}
