import { Command } from 'commander';
import { addFleetOptionsBeforeVerb } from '../../options/fleet-options.ts';
import { helpCommand } from '../help.ts';
import { dlqListCommand } from './list.ts';
import { dlqPurgeCommand } from './purge.ts';
import { dlqRedriveCommand } from './redrive.ts';
import { dlqShowCommand } from './show.ts';

/** `mayfly dlq`: the dead letters of a fleet. */
export function dlqCommand(): Command {
  return addFleetOptionsBeforeVerb(new Command('dlq'))
    .summary('show the dead letters, enqueue them again, or delete them')
    .description(
      'Shows, redrives and purges the dead-letter queue. Jobs that failed for good stay there, each with the reason, ' +
        'until somebody enqueues them again or deletes them, or until SQS deletes them after 14 days.',
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
SQS has no call that only shows messages. Each of these verbs receives them,
which hides them from others, and makes them visible again afterwards.

Examples:
  mayfly dlq list
  mayfly dlq show j-8w3m0c5vkq1z
  mayfly dlq redrive --reason 'exit status 7'
`;
