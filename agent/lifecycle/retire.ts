import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { withTimeout } from '../../lib/with-timeout.ts';
import type { Retirement, RetirementReason } from '../../jobs/record.ts';
import { firstRung } from '../../policy/ladder.ts';
import { BROKEN_REASONS, type Broken } from '../../policy/retirement.ts';
import type { Work } from '../work/work.ts';
import { askForPowerOff, record, withdraw } from './account.ts';
import { type Climbed, climb } from './climb.ts';
import { completeHook } from './hooks.ts';
import { saveLog } from './save-log.ts';
import type { Self } from './self.ts';

const DEPTH_MS = 5000;
/** How long to wait for the wait state of the termination hook, before the instance is powered off without it. */
const HOOK_MS = 120_000;
/** How often to ask a queue that does not answer, before the instance retires without a last receive. */
const MAX_LAST_RECEIVES = 3;

export interface Wish {
  reason: RetirementReason;
  /** What is wrong with the instance, if it is broken. */
  broken?: Broken;
  /** At the decision. */
  idleSeconds: number;
  /** Whether Auto Scaling is terminating the instance already. */
  isEnding: () => boolean;
  /** Whether the instance must take no jobs: the fleet is paused, or STS refuses the workers' role. */
  isHeld: () => boolean;
  /** Called before the retirement is recorded. */
  onRecord: () => void;
}

/**
 * Retires an idle instance: stops receiving, receives a last time unless the instance must take no jobs, and ends the
 * instance if nothing came. Returns `back` if the instance goes on: `job`, as a job came, or `refused`, as the group is
 * at its minimum.
 */
export async function retireIfIdle(
  self: Self,
  request: Wish,
  signal: AbortSignal,
): Promise<{ retirement: Retirement } | { back: 'job' | 'refused' }> {
  const { work, log } = self;
  const { reason, isHeld } = request;
  self.supervisor.tried();
  await work.pause();
  const queue = isBusy(self) ? 'busy' : isHeld() ? 'empty' : await receiveLast(self);
  if (queue !== 'empty') {
    log.info({ reason, queue }, 'not retiring: a job came');
    if (queue === 'busy') resume(work, request, signal);
    return { back: 'job' };
  }
  const retirement = await retire(self, request, reason !== 'surplus', signal);
  if (retirement) return { retirement };
  log.info({ reason }, 'not retiring: the group is at its minimum');
  await withdraw(self);
  resume(work, request, signal);
  return { back: 'refused' };
}

/** Retires an instance that must end, whatever is in the queue. Its jobs have ended or were requeued. */
export async function retireNow(self: Self, request: Wish, signal: AbortSignal): Promise<Retirement> {
  const retirement = await retire(self, request, false, signal);
  if (!retirement) throw new Error(`the escalation kept an instance that must end (${request.reason})`);
  return retirement;
}

/** Resumes the job loop, unless the agent was stopped meanwhile or the instance must take no jobs. */
function resume(work: Work, { isHeld }: Wish, signal: AbortSignal): void {
  signal.throwIfAborted();
  if (!isHeld()) work.resume();
}

function isBusy({ work }: Self): boolean {
  const { running, settling } = work.state();
  return running + settling > 0;
}

/** A queue that does not answer does not keep an instance: if it has messages, the fleet scales out again. */
async function receiveLast({ work, log }: Self): Promise<'empty' | 'found'> {
  for (let tries = 1; tries <= MAX_LAST_RECEIVES; tries++) {
    const result = await work.lastLook();
    if (result !== 'unknown') return result;
  }
  log.warn({ tries: MAX_LAST_RECEIVES }, 'the queue does not answer: retiring without a last receive');
  return 'empty';
}

async function retire(
  self: Self,
  { reason, broken, idleSeconds, isEnding, onRecord }: Wish,
  mayStay: boolean,
  signal: AbortSignal,
): Promise<Retirement | undefined> {
  const queueDepth = await readQueueDepth(self);
  // An agent that was stopped meanwhile has recorded that and does not end its instance.
  signal.throwIfAborted();
  onRecord();
  const rung = firstRung(reason, queueDepth);
  const decidedAt = new Date(self.clock.now()).toISOString();
  const decision = {
    reason,
    decidedAt,
    idleSeconds,
    jobsDone: self.work.state().jobsDone,
    ...(queueDepth !== undefined && { queueDepth }),
    ...(broken && { problem: broken.problem }),
    ...(broken?.refusal && { refusal: broken.refusal }),
    ...(broken?.job && { job: broken.job }),
  };
  await record(self, { ...decision, endedAt: decidedAt, rung, tries: 0 }, 'retiring', 'instances');
  if (broken) await saveLog(self, broken, decidedAt);
  const result: Climbed =
    reason === 'auto-scaling'
      ? { kind: 'accepted', rung, tries: 0 }
      : await climb(self, { first: rung, mayStay, isEnding }, signal);
  if (result.kind === 'stay') return undefined;
  const { kind, ...how } = result;
  const retirement = { ...decision, endedAt: new Date(self.clock.now()).toISOString(), ...how };
  await record(self, retirement, 'retired', chooseListing(self, retirement));
  await askForPowerOff(self, retirement);
  if (kind === 'accepted') await completeHook(self, self.config.terminationHook, HOOK_MS, signal);
  return retirement;
}

/**
 * With `instances` the keeper still handles the record: it counts a failed boot, lowers a desired capacity that AWS did
 * not lower, or settles a job.
 */
function chooseListing(self: Self, { reason, rung }: Retirement): 'instances' | 'retired' {
  const isTerminated = rung === 'terminate' || rung === 'terminate-without-decrement';
  const isSettled = !isBusy(self) && !self.work.state().leftBehind;
  return isTerminated && !BROKEN_REASONS.has(reason) && isSettled ? 'retired' : 'instances';
}

async function readQueueDepth({ clients, config, clock, log }: Self): Promise<number | undefined> {
  const command = new GetQueueAttributesCommand({
    QueueUrl: config.queueUrl,
    AttributeNames: ['ApproximateNumberOfMessages'],
  });
  try {
    const { Attributes } = await withTimeout(clock, DEPTH_MS, (abortSignal) =>
      clients.sqs.send(command, { abortSignal }),
    );
    return Number(Attributes?.['ApproximateNumberOfMessages'] ?? Number.NaN) || 0;
  } catch (error) {
    log.warn({ err: error }, 'cannot read the number of messages in the queue');
    return undefined;
  }
}
