import { formatTime } from '../format-time.ts';
import type { CheckInput } from './check-input.ts';
import { awsCommand } from './commands.ts';
import { bad, checkRead, type Finding, ok, warn } from './finding.ts';

/** It runs once a minute. A run that fails to start is not repeated. */
const SILENT_MS = 5 * 60_000;

export function checkKeeper({ state, fleet, nowMs }: CheckInput): Finding[] {
  const name = fleet.keeperFunction ?? '<keeper>';
  const invoke = awsCommand(fleet, 'lambda invoke', { 'function-name': name });
  const see = `See its log, or invoke it: ${invoke} /dev/stdout`;
  return checkRead('keeper', state, ({ keptAtMs, keeperFailure }) => {
    if (keptAtMs === undefined) {
      return [warn('keeper', 'It has not run yet. It runs every minute once the stack is deployed.', see)];
    }
    const at = formatTime(keptAtMs);
    if (nowMs - keptAtMs >= SILENT_MS) {
      return [
        bad(
          'keeper',
          `It has stopped running; its last run was at ${at}. Lost jobs are not settled, and stuck instances are not terminated.`,
          see,
        ),
      ];
    }
    if (keeperFailure) return [bad('keeper', `Its last run, at ${at}, failed: ${keeperFailure}`, see)];
    return [ok('keeper', `ran ${Math.max(0, Math.round((nowMs - keptAtMs) / 1000))} s ago`)];
  });
}
