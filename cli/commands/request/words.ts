import { isHalted } from '../../../client/requests/halted.ts';
import type { RequestView } from '../../../client/requests/types.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import type { Paint, Style } from '../../terminal/paint.ts';
import { formatTimestamp } from '../jobs/words.ts';

const STYLES: Partial<Record<RequestView['state'], Style>> = {
  open: 'cyan',
  stopped: 'red',
  paused: 'yellow',
  cancelled: 'yellow',
};

/** The state of a request in its colour, since when and why: `stopped since 07:41:10Z: ...`. */
export function stateText(request: RequestView, paint: Paint): string {
  const { state, reason, stoppedAt, endedAt, failed, cancelled, skipped } = request;
  if (state === 'ended') {
    if (failed > 0) return `${paint('red', 'ended')}, ${countOf(failed, 'job')} failed`;
    const isWhole = cancelled + skipped === 0;
    return isWhole ? paint('green', 'ended') : `${paint('yellow', 'ended')}, not all jobs ran`;
  }
  const waits = state === 'open' && isHalted(request) ? ', waits for a person' : '';
  const name = paint(waits ? 'yellow' : (STYLES[state] ?? 'bold'), `${state}${waits}`);
  const since = stoppedAt === undefined ? '' : ` since ${formatTimestamp(stoppedAt)}`;
  const isEnding = state === 'cancelled' && endedAt === undefined ? ', what was held is being skipped' : '';
  return `${name}${since}${reason === undefined ? '' : `: ${escapeLine(reason)}`}${isEnding}`;
}

/** What a request asks of each of its groups, in sentences without a full stop. */
export function policyTexts(policy: RequestView['policy']): string[] {
  const { serial, throttle, pauseAfter, healthy, rollBack, settleSeconds, checkSeconds } = policy;
  const within = checkSeconds === undefined ? '' : `, within ${checkSeconds} s`;
  const after = settleSeconds === undefined ? '' : `${settleSeconds} s `;
  return [
    ...(serial === undefined ? [] : [`batches of ${serial.join(', ')}`]),
    ...(throttle === undefined ? [] : [`at most ${throttle} at a time in each group (throttle)`]),
    ...(pauseAfter === undefined
      ? []
      : [`each group waits for \`mayfly request resume\` after batch ${pauseAfter}`]),
    failureText(policy),
    ...(rollBack === undefined
      ? []
      : [`after a job that failed: the command ${escapeLine(rollBack)} rolls back`]),
    ...(healthy === undefined
      ? []
      : [`${after}after each job: the command ${escapeLine(healthy)} checks the target${within}`]),
  ];
}

function failureText({ keepGoing, maxFail, anyErrorsFatal, stops }: RequestView['policy']): string {
  if (keepGoing) return 'no failure stops it';
  const what = stops === 'group' ? 'the group in which it happens' : 'all groups';
  if (anyErrorsFatal || maxFail === undefined || maxFail === 0) return `the first failure stops ${what}`;
  const limit = typeof maxFail === 'string' ? `${maxFail} of the jobs` : countOf(maxFail, 'job');
  return `when more than ${limit} of a batch failed, that stops ${what}`;
}
