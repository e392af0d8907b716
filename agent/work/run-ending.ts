import { describeEnding, type Ending } from '../../jobs/outcome.ts';
import type { RunEnd } from '../runner/runner.ts';
import type { InFlightMessage } from './in-flight-message.ts';

/** How a try ended, by how its worker ended and by why it was stopped. */
export function toEnding(end: RunEnd, inFlight: InFlightMessage, limitSeconds: number): Ending {
  // A worker that was stopped before it could start must not count as one that the instance could not start.
  if (end.kind === 'not-started') {
    return inFlight.stopped === 'interrupted' || inFlight.stopped === 'cancelled'
      ? { kind: 'interrupted' }
      : end;
  }
  // A worker that ended before the stop reached it has ended by itself.
  if (end.kind === 'lost' || end.stopped) {
    if (inFlight.stopped === 'timed-out') return { kind: 'timed-out', limitSeconds };
    if (inFlight.stopped !== undefined) return { kind: inFlight.stopped };
  }
  if (end.kind === 'lost') return { kind: 'slot-lost', reason: end.reason };
  if (end.kind === 'exited') return { kind: 'exited', status: end.status };
  const { signal, reason } = end;
  return reason === undefined ? { kind: 'signalled', signal } : { kind: 'signalled', signal, reason };
}

/**
 * How the try of a health check ended.
 *
 * @param ending as of any other job
 * @param lastOwnEnd how its command last ended by itself
 */
export function toCheckEnding(
  ending: Ending,
  lastOwnEnd: RunEnd | undefined,
  inFlight: InFlightMessage,
): Ending {
  const isOver =
    ending.kind === 'timed-out' || (ending.kind === 'not-started' && inFlight.stopped === 'timed-out');
  if (!isOver) return ending;
  const { checkSeconds = 0 } = inFlight.claim?.grouped ?? {};
  if (lastOwnEnd === undefined) return { kind: 'check-timed-out', checkSeconds };
  const last = describeEnding(toEnding(lastOwnEnd, inFlight, checkSeconds));
  return { kind: 'check-timed-out', checkSeconds, last };
}
