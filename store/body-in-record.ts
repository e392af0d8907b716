import { type JobRecord, MAX_KEPT_BODY_BYTES } from '../jobs/record.ts';

/** Characters of a longer body that a record keeps, so that people can recognise the job. */
const START_LENGTH = 200;

/** What a record keeps of a body: all of a short one, of a longer one its start and its length. */
export function createBodyAttributes(text: string): Pick<JobRecord, 'body' | 'bodyStart' | 'bodyBytes'> {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_KEPT_BODY_BYTES) return { body: text };
  // A lone surrogate has no UTF-8.
  return { bodyStart: text.slice(0, START_LENGTH).replace(/[\ud800-\udbff]$/, ''), bodyBytes: bytes };
}
