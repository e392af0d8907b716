import { Command } from 'commander';
import { dlqListCommand } from './dlq-list.ts';
import { dlqPurgeCommand } from './dlq-purge.ts';
import { dlqRedriveCommand } from './dlq-redrive.ts';
import { dlqShowCommand } from './dlq-show.ts';
import { helpCommand } from '../help.ts';
import { withFleetBefore } from '../with-fleet.ts';

/** `mayfly dlq`: the jobs that a fleet gave up. */
export function dlqCommand(): Command {
  return withFleetBefore(new Command('dlq'))
    .summary('look at the jobs that were given up; enqueue them again, or delete them')
    .description(
      'Looks after the dead-letter queue: jobs that failed for good are there, each with the reason, until somebody ' +
        'enqueues them again or deletes them, or the queue forgets them (after 14 days).',
    )
    .usage('<verb> [options]')
    .addCommand(dlqListCommand())
    .addCommand(dlqShowCommand())
    .addCommand(dlqRedriveCommand())
    .addCommand(dlqPurgeCommand())
    .addCommand(helpCommand())
    .addHelpText('after', NOTES);
}

const NOTES = `
SQS shows messages only by giving them out: whoever looks hides them from others
for the moment, and hands them back.

Examples:
  mayfly dlq list
  mayfly dlq show j-8w3m0c5vkq1z
  mayfly dlq redrive --reason 'exit status 7'
`;
