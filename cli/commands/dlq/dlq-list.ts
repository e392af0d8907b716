import { Command } from 'commander';
import type { DeadLetter } from '../../../client/dead-letters/dead-letters.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { columns } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { moment } from '../jobs/job-words.ts';
import { widthOnTerminal } from '../jobs/show-jobs.ts';
import { whole } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

interface DlqListOptions {
  reason?: string;
  limit: number;
  json?: true;
}

const LARGEST_LIMIT = 10_000;

/** `mayfly dlq list`: the dead letters, with their reasons. */
export function dlqListCommand(): Command {
  return withFleet(
    new Command('list')
      .summary('list the dead letters, with their reasons')
      .description('Lists the dead letters, in no order, each with its reason. It removes none of them.')
      .option('--reason <text>', 'only those whose reason contains this text')
      .option('--limit <number>', 'how many to read at most', whole(1, LARGEST_LIMIT), 100)
      .option(
        '--json',
        'print a JSON array: {"id", "messageId", "reason", "exitStatus" or "signal", "deadAt", "source", ' +
          '"bodyBytes"}',
      ),
  ).action(onFleet(run));
}

async function run(fleet: Fleet, { json, limit, reason }: DlqListOptions): Promise<void> {
  const { letters, unseen } = await fleet.deadLetters.list({
    limit,
    ...(reason !== undefined && { reason }),
  });
  if (json) printJson(letters.map(toJson));
  else if (letters.length > 0) print(columns(HEAD, letters.map(row), widthOnTerminal()));
  else say('no such dead letters.');
  if (unseen > 0) {
    const more = unseen === 1 ? 'about 1 more is' : `about ${unseen} more are`;
    say(`${more} not shown: use a larger --limit, or somebody else is looking at the queue now.`);
  }
}

const HEAD = ['id', 'since', 'exit', 'why'];

function row({ id, deadAt, exitStatus, signal, reason }: DeadLetter): string[] {
  const since = deadAt === undefined ? '' : moment(deadAt);
  return [escapeLine(id), since, String(exitStatus ?? signal ?? ''), escapeLine(reason ?? '')];
}

function toJson({ job: _, message: __, body, ...letter }: DeadLetter): object {
  return letter.bodyKey === undefined ? { ...letter, bodyBytes: Buffer.byteLength(body) } : letter;
}
