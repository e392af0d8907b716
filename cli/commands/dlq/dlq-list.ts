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

const MOST_LOOKED_AT = 10_000;

/** `mayfly dlq list`: what was given up, and why. */
export function dlqListCommand(): Command {
  return withFleet(
    new Command('list')
      .summary('list them, with the reasons')
      .description('Lists the jobs that were given up, in no order, and why. Nothing is taken away.')
      .option('--reason <text>', 'whose reason has this in it')
      .option('--limit <number>', 'how many are looked at, at most', whole(1, MOST_LOOKED_AT), 100)
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
  if (json) printJson(letters.map(viewOf));
  else if (letters.length > 0) print(columns(HEAD, letters.map(row), widthOnTerminal()));
  else say('no such dead letters.');
  if (unseen > 0) {
    const more = `about ${unseen} more ${unseen === 1 ? 'is' : 'are'} there`;
    say(`${more}: --limit shows more, or somebody else looks at them just now.`);
  }
}

const HEAD = ['id', 'since', 'exit', 'why'];

function row({ id, deadAt, exitStatus, signal, reason }: DeadLetter): string[] {
  const when = deadAt === undefined ? '' : moment(deadAt);
  return [escapeLine(id), when, String(exitStatus ?? signal ?? ''), escapeLine(reason ?? '')];
}

function viewOf({ job: _, message: __, body, ...letter }: DeadLetter): object {
  return letter.bodyKey === undefined ? { ...letter, bodyBytes: Buffer.byteLength(body) } : letter;
}
