import type { Verdict } from './facts.ts';

/** Formats a verdict for people. */
export function formatVerdict({ ok, violations, notes, counts }: Verdict): string {
  const sum =
    `${counts.sent} jobs sent: ${counts.succeeded} succeeded, ${counts.deadLettered} dead-lettered, ` +
    (counts.cancelled > 0 ? `${counts.cancelled} cancelled, ` : '') +
    `${counts.queued} still queued; ${counts.runs} runs on ${counts.instances} instances`;
  const lines = violations.map(({ rule, subject, message }) => `  ${rule}: ${subject} ${message}`);
  const verdict = ok
    ? 'The checker found no violation: no job lost, none run twice without cause, nothing left running.'
    : `The checker found ${violations.length} ${violations.length === 1 ? 'violation' : 'violations'}:`;
  return [sum, ...notes.map((note) => `  (${note})`), verdict, ...lines].join('\n');
}
