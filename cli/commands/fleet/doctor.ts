import { Command } from 'commander';
import type { Diagnosis } from '../../../client/doctor/diagnose.ts';
import type { Finding } from '../../../client/doctor/finding.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { displayWidth, pad } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { type Paint, paintFor, type Style } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { wrapLines } from '../../terminal/say.ts';
import type { Screen } from '../../terminal/screen.ts';

/** `mayfly doctor`: shows what is wrong with a deployed fleet, and what to do. */
export function doctorCommand(): Command {
  return addFleetOptions(
    new Command('doctor')
      .summary('examine a deployed fleet: what is wrong and what to do')
      .description(
        'Examines the queues, the table, the bucket, the group with its scaling policy, hooks and launches, the alarms, ' +
          'the keeper, the instances, the running jobs, the groups of jobs and their requests. It compares them with what was deployed, and says of each ' +
          'whether it is in order and what to do if not. It changes nothing.',
      )
      .option(
        '--json',
        'print JSON: {"fleet", "region", "status", "findings": [{"check", "status", "text", "details"?, "advice"?}]}',
      )
      .addHelpText('after', NOTES),
  ).action(runOnFleet(examine));
}

const NOTES = `
ok:   in order.
warn: jobs run, but this can become a problem, or it is intended (a paused
      fleet).
bad:  jobs do not run, or something runs that should not.

Exit status: 0; 1 if something is bad.

Examples:
  mayfly doctor
  mayfly doctor --json | jq -r '.findings[] | select(.status != "ok").text'
`;

async function examine(fleet: Fleet, options: { json?: true }): Promise<void> {
  const diagnosis = await fleet.diagnose();
  if (options.json) printJson(diagnosis);
  else print(diagnosisText(diagnosis, paintFor(process.stdout), process.stdout));
  if (diagnosis.status === 'bad') process.exitCode = ExitCode.failed;
}

/** Advice or a detail that consists of one command. */
const IS_COMMAND = /^(aws|mayfly) [\w-]+ /;

const STYLES: Record<Finding['status'], Style> = { ok: 'green', warn: 'yellow', bad: 'red' };

/**
 * A line for each finding, with its details and its advice below it. On a terminal sentences are broken at words. Commands
 * stay whole, so that they can be copied.
 */
export function diagnosisText(
  { fleet, region, findings }: Diagnosis,
  paint: Paint,
  screen: Pick<Screen, 'isTTY' | 'columns'>,
): string {
  const checks = Math.max(...findings.map(({ check }) => displayWidth(check)));
  const indent = ' '.repeat('warn  '.length + checks + 2);
  const wrapped = (text: string) =>
    IS_COMMAND.test(text) ? escapeLine(text) : wrapLines(escapeLine(text), screen, indent);
  const lines = findings.flatMap(({ check, status, text, details = [], advice }) => [
    `${paint(STYLES[status], pad(status, 4))}  ${pad(check, checks)}  ${wrapped(text)}`,
    ...details.map((detail) => `${indent}${wrapped(detail)}`),
    ...(advice === undefined ? [] : [`${indent}${paint('bold', '→')} ${wrapped(advice)}`]),
  ]);
  return [
    `${paint('bold', escapeLine(fleet))} in ${escapeLine(region)}`,
    ...lines,
    '',
    verdict(findings),
  ].join('\n');
}

function verdict(findings: readonly Finding[]): string {
  const bad = findings.filter(({ status }) => status === 'bad').length;
  const warnings = findings.filter(({ status }) => status === 'warn').length;
  if (bad + warnings === 0) return 'All is well.';
  const counts = [bad > 0 ? `${bad} bad` : '', warnings > 0 ? countOf(warnings, 'warning') : ''];
  return `${counts.filter(Boolean).join(', ')}.`;
}
