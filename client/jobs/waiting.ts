import {
  explainWaiting,
  type Waiting,
  type WaitingFacts,
  type WaitingInstance,
} from '../../policy/waiting.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import type { FleetContext } from '../context.ts';
import { FleetError } from '../errors.ts';
import { explainError } from '../explain.ts';
import { formatTime } from '../format-time.ts';
import { describeFleet, type FleetView } from '../instances/describe.ts';
import type { InstanceView } from '../instances/instance-view.ts';
import type { JobView, WaitingView } from './view.ts';

/**
 * The jobs, with what the queued ones wait for. If some are queued, the fleet's state is read once for all of them,
 * with a dozen calls. If that fails, `waitsFor` says so.
 */
export async function withWaiting(context: FleetContext, jobs: readonly JobView[]): Promise<JobView[]> {
  if (!jobs.some(({ state }) => state === 'queued')) return [...jobs];
  const fleet = await readFleet(context);
  const nowMs = context.clock.now();
  return jobs.map((job) =>
    job.state === 'queued' ? { ...job, waitsFor: createWaitingView(job, fleet, context.facts, nowMs) } : job,
  );
}

/** Returns the error if the fleet's state cannot be read: the job's own state is known all the same. */
async function readFleet(context: FleetContext): Promise<FleetView | FleetError> {
  try {
    return await describeFleet(context, { retired: 0 });
  } catch (thrown) {
    const error = explainError(context.facts, thrown);
    if (error instanceof FleetError) return error;
    throw error;
  }
}

/** @param seen the fleet's state, or the error if it could not be read */
export function createWaitingView(
  job: JobView,
  seen: FleetView | FleetError,
  facts: FleetFacts,
  nowMs: number,
): WaitingView {
  const notBeforeMs = job.notBefore === undefined ? undefined : Date.parse(job.notBefore);
  const fleet = seen instanceof FleetError ? undefined : seen;
  if (seen instanceof FleetError && (notBeforeMs === undefined || notBeforeMs <= nowMs)) {
    return { what: 'unknown', text: `it is not known. ${seen.message}` };
  }
  const own = { nowMs, notBeforeMs, triedBefore: job.tries.length > 0 };
  const waiting = explainWaiting({ ...own, ...(fleet ? factsOf(fleet, facts) : NOTHING) });
  const { sinceMs, untilMs } = { sinceMs: undefined, untilMs: undefined, ...waiting };
  return {
    what: waiting.what,
    text: textOf(waiting, job, facts),
    ...(sinceMs !== undefined && { since: new Date(sinceMs).toISOString() }),
    ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
  };
}

type FleetOnly = Omit<WaitingFacts, 'nowMs' | 'notBeforeMs' | 'triedBefore'>;

const NOTHING: FleetOnly = {
  ...{ visible: 0, launchSuspended: false },
  ...{ desired: 0, there: 0, maxSize: 0, instances: [] },
};

function factsOf({ queue, capacity, launches, instances }: FleetView, { scaleOut }: FleetFacts): FleetOnly {
  const { reason, since, failure } = launches;
  const sinceMs = Date.parse(since ?? '');
  return {
    ...(reason === 'paused' && { pausedAtMs: sinceMs }),
    ...(reason === 'breaker' && { trippedAtMs: sinceMs }),
    launchSuspended: reason === 'other',
    ...(failure && { refused: { atMs: Date.parse(failure.at), message: failure.message } }),
    visible: queue.visible,
    threshold: scaleOut?.threshold,
    desired: capacity.desired,
    there: instances.filter(isCounted).length,
    maxSize: capacity.max,
    instances: instances.map(waitingInstance),
  };
}

/** Whether its group counts it: not if it is in the warm pool, terminating or gone. */
function isCounted({ status, lifecycleState = '' }: InstanceView): boolean {
  return status !== 'pooled' && status !== 'gone' && !lifecycleState.includes('Terminat');
}

function waitingInstance(view: InstanceView): WaitingInstance {
  const { instance, status, lifecycleState = '', launchedAt, slots = 1, jobs, next, slowed } = view;
  const launchedAtMs = launchedAt === undefined ? undefined : Date.parse(launchedAt);
  if (status === 'booting' || (status !== 'leaving' && lifecycleState.startsWith('Pending'))) {
    return { instance, is: 'launching', launchedAtMs };
  }
  if (next?.action === 'leave' || view.drainRequestedAt || (status !== 'idle' && status !== 'working'))
    return { instance, is: 'other' };
  return { instance, is: slowed || jobs.length >= slots ? 'busy' : 'free' };
}

/** A clause without a full stop. */
function textOf(waiting: Waiting, view: JobView, { scaleOut, ...facts }: FleetFacts): string {
  switch (waiting.what) {
    case 'retry': {
      const { attempts, maxAttempts = facts.maxAttempts } = view;
      return `it is tried again at ${formatTime(waiting.untilMs)}; ${attempts} of ${maxAttempts} attempts are used`;
    }
    case 'delay':
      return `it was enqueued with a delay, until ${formatTime(waiting.untilMs)}`;
    case 'paused':
      return `the fleet is paused since ${formatTime(waiting.sinceMs)}; \`mayfly fleet resume\` ends the pause`;
    case 'message':
      return 'its message is not visible now: an agent has received it, or has returned it with a delay';
    case 'nothing':
      return `nothing: ${waiting.instance} has a free slot and receives it within seconds`;
    case 'launch':
      return `an instance is launching${waiting.sinceMs === undefined ? '' : ` since ${formatTime(waiting.sinceMs)}`} (${waiting.instance})`;
    case 'breaker':
      return `the boot breaker is open since ${formatTime(waiting.sinceMs)}, so no instance is launched; \`mayfly doctor\` says why`;
    case 'suspended':
      return "the group's process Launch is suspended, so no instance is launched; `mayfly doctor` says more";
    case 'refused':
      return `AWS has refused the last launch, at ${formatTime(waiting.sinceMs)}: ${waiting.message}`;
    case 'maximum':
      return `the maximum of ${count(waiting.maxSize, 'instance')} is reached, none has a free slot, and ${waits(waiting.visible)}`;
    case 'backlog':
      return `instances are launched from ${count(waiting.threshold, 'job')} on, and ${waits(waiting.visible)}`;
    case 'instance': {
      const asked = waiting.isAsked ? 'has been asked for' : `is asked for within ${soon(scaleOut)}`;
      return `${busyText(waiting.busy)}; one more ${asked}`;
    }
  }
}

function busyText(busy: number): string {
  return busy === 0
    ? 'no instance is there yet'
    : `${count(busy, 'instance')} ${busy === 1 ? 'is' : 'are'} busy`;
}

/** CloudWatch needs the alarm's duration, and a minute more for the metric. */
function soon(scaleOut: FleetFacts['scaleOut']): string {
  return count(Math.ceil((scaleOut?.durationSeconds ?? 60) / 60) + 1, 'minute');
}

const waits = (jobs: number) => (jobs === 1 ? '1 job waits' : `${jobs} jobs wait`);
const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
