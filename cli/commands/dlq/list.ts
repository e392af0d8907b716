import { Command } from 'commander';
import type { DeadLetter } from '../../../client/dead-letters/dead-letters.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { wholeNumber } from '../../options/values.ts';
import { formatTable } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { tableWidth } from '../jobs/show-jobs.ts';
import { formatTimestamp } from '../jobs/words.ts';

interface DlqListOptions {
  reason?: string;
  limit: number;
  json?: true;
}

const LARGEST_LIMIT = 10_000;

/** `mayfly dlq list`: the dead letters, with their reasons. */
export function dlqListCommand(): Command {
  return addFleetOptions(
    new Command('list')
      .summary('list the dead letters, with their reasons')
      .description('Lists the dead letters, in no order, each with its reason. It removes none of them.')
      .option('--reason <text>', 'only those whose reason contains this text')
      .option('--limit <number>', 'how many to read at most', wholeNumber(1, LARGEST_LIMIT), 100)
      .option(
        '--json',
        'print a JSON array: {"id", "messageId", "reason", "exitStatus" or "signal", "deadAt", "source", ' +
          '"bodyBytes"}',
      ),
  ).action(runOnFleet(run));
}

async function run(fleet: Fleet, { json, limit, reason }: DlqListOptions): Promise<void> {
  const { deadLetters, remaining } = await fleet.deadLetters.list({
    limit,
    ...(reason !== undefined && { reason }),
  });
  if (json) printJson(deadLetters.map(toJson));
  else if (deadLetters.length > 0) print(formatTable(HEAD, deadLetters.map(row), tableWidth()));
  else say('no such dead letters.');
  if (remaining > 0) {
    const more = remaining === 1 ? 'about 1 more is' : `about ${remaining} more are`;
    say(`${more} not shown: use a larger --limit, or somebody else is looking at the queue now.`);
  }
}

const HEAD = ['id', 'since', 'exit', 'why'];

function row({ id, deadAt, exitStatus, signal, reason }: DeadLetter): string[] {
  const since = deadAt === undefined ? '' : formatTimestamp(deadAt);
  return [escapeLine(id), since, String(exitStatus ?? signal ?? ''), escapeLine(reason ?? '')];
}

function toJson({ job: _, message: __, body, ...letter }: DeadLetter): object {
  return letter.bodyKey === undefined ? { ...letter, bodyBytes: Buffer.byteLength(body) } : letter;
}
