import { moment } from '../moment.ts';
import { awsCommand } from './commands.ts';
import type { Facts } from './facts.ts';
import { bad, type Finding, judged, ok, warn } from './finding.ts';

/** It runs once a minute; a run that fails to start is not made up for. */
const SILENT_MS = 5 * 60_000;

export function judgeKeeper({ state, fleet, nowMs }: Facts): Finding[] {
  const name = fleet.keeperFunction ?? '<keeper>';
  const invoke = awsCommand(fleet, 'lambda invoke', { 'function-name': name });
  const see = `See its log, or what it answers: ${invoke} /dev/stdout`;
  return judged('keeper', state, ({ keptAtMs, keeperFailure }) => {
    if (keptAtMs === undefined) {
      return [warn('keeper', 'It has not run yet. It runs every minute once the stack is deployed.', see)];
    }
    const at = moment(keptAtMs);
    if (nowMs - keptAtMs >= SILENT_MS) {
      return [
        bad(
          'keeper',
          `It runs no more, the last time was ${at}: lost jobs stay lost, and stuck instances run on.`,
          see,
        ),
      ];
    }
    if (keeperFailure) return [bad('keeper', `Its last run, ${at}, has failed: ${keeperFailure}`, see)];
    return [ok('keeper', `ran ${Math.max(0, Math.round((nowMs - keptAtMs) / 1000))} s ago`)];
  });
}
