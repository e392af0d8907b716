import { type JobRecord, LONGEST_KEPT_BODY } from '../jobs/record.ts';

/** Characters of a longer body that a record keeps, so that people see what the job was. */
const START_LENGTH = 200;

/** What a record has of a body: all of a short one; else its start and its length. */
export function bodyInRecord(text: string): Pick<JobRecord, 'body' | 'bodyStart' | 'bodyBytes'> {
  const bytes = Buffer.byteLength(text);
  if (bytes <= LONGEST_KEPT_BODY) return { body: text };
  // Half of a character is no UTF-8.
  return { bodyStart: text.slice(0, START_LENGTH).replace(/[\ud800-\udbff]$/, ''), bodyBytes: bytes };
}
