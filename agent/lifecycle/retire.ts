import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { Retirement, RetirementReason } from '../../jobs/record.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { selectFirstStep } from '../../policy/escalation.ts';
import { BROKEN_REASONS, type Broken } from '../../policy/retirement.ts';
import type { JobLoop } from '../work/types.ts';
import { type EscalationResult, escalate } from './escalation-run.ts';
import { completeLifecycleHook } from './hooks.ts';
import type { InstanceContext } from './instance-context.ts';
import { recordRetirement, requestPowerOff, withdrawRetirement } from './retirement-record.ts';
import { saveInstanceLog } from './save-log.ts';

const DEPTH_MS = 5000;
/** How long to wait for the wait state of the termination hook, before the instance is powered off without it. */
const HOOK_MS = 120_000;
/** How often to ask a queue that does not answer, before the instance retires without a last receive. */
const MAX_LAST_RECEIVES = 3;

export interface RetirementRequest {
  reason: RetirementReason;
  /** What is wrong with the instance, if it is broken. */
  broken?: Broken;
  /** At the decision. */
  idleSeconds: number;
  /** Whether Auto Scaling is terminating the instance already. */
  isEnding: () => boolean;
  /** Whether the instance must take no jobs: the fleet is paused, or STS refuses the workers' role. */
  isHeldBack: () => boolean;
  /** Called before the retirement is recorded. */
  onRecord: () => void;
}

/**
 * Retires an idle instance: stops receiving, receives a last time unless the instance must take no jobs, and ends the
 * instance if nothing came. Returns `back` if the instance goes on: `job`, as a job came, or `refused`, as the group is
 * at its minimum.
 */
export async function retireIfIdle(
  self: InstanceContext,
  request: RetirementRequest,
  signal: AbortSignal,
): Promise<{ retirement: Retirement } | { back: 'job' | 'refused' }> {
  const { work, log } = self;
  const { reason, isHeldBack } = request;
  self.supervisor.recordAttempt();
  await work.pause();
  const queue = isBusy(self) ? 'busy' : isHeldBack() ? 'empty' : await receiveLast(self);
  if (queue !== 'empty') {
    log.info({ reason, queue }, 'not retiring: a job came');
    if (queue === 'busy') resume(work, request, signal);
    return { back: 'job' };
  }
  const retirement = await retire(self, request, reason !== 'surplus', signal);
  if (retirement) return { retirement };
  log.info({ reason }, 'not retiring: the group is at its minimum');
  await withdrawRetirement(self);
  resume(work, request, signal);
  return { back: 'refused' };
}

/** Retires an instance that must end, whatever is in the queue. Its jobs have ended or were requeued. */
export async function retireNow(
  self: InstanceContext,
  request: RetirementRequest,
  signal: AbortSignal,
): Promise<Retirement> {
  const retirement = await retire(self, request, false, signal);
  if (!retirement) throw new Error(`the escalation kept an instance that must end (${request.reason})`);
  return retirement;
}

/** Resumes the job loop, unless the agent was stopped meanwhile or the instance must take no jobs. */
function resume(work: JobLoop, { isHeldBack }: RetirementRequest, signal: AbortSignal): void {
  signal.throwIfAborted();
  if (!isHeldBack()) work.resume();
}

function isBusy({ work }: InstanceContext): boolean {
  const { running, settling } = work.state();
  return running + settling > 0;
}

/** A queue that does not answer does not keep an instance: if it has messages, the fleet scales out again. */
async function receiveLast({ work, log }: InstanceContext): Promise<'empty' | 'found'> {
  for (let tries = 1; tries <= MAX_LAST_RECEIVES; tries++) {
    const result = await work.receiveLast();
    if (result !== 'unknown') return result;
  }
  log.warn({ tries: MAX_LAST_RECEIVES }, 'the queue does not answer: retiring without a last receive');
  return 'empty';
}

async function retire(
  self: InstanceContext,
  { reason, broken, idleSeconds, isEnding, onRecord }: RetirementRequest,
  mayStay: boolean,
  signal: AbortSignal,
): Promise<Retirement | undefined> {
  const queueDepth = await readQueueDepth(self);
  // An agent that was stopped meanwhile has recorded that and does not end its instance.
  signal.throwIfAborted();
  onRecord();
  const rung = selectFirstStep(reason, queueDepth);
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
  await recordRetirement(self, { ...decision, endedAt: decidedAt, rung, tries: 0 }, 'retiring', 'instances');
  if (broken) await saveInstanceLog(self, broken, decidedAt);
  const result: EscalationResult =
    reason === 'auto-scaling'
      ? { kind: 'accepted', rung, tries: 0 }
      : await escalate(self, { firstStep: rung, mayStay, isEnding }, signal);
  if (result.kind === 'stay') return undefined;
  const { kind, ...how } = result;
  const retirement = { ...decision, endedAt: new Date(self.clock.now()).toISOString(), ...how };
  await recordRetirement(self, retirement, 'retired', chooseListing(self, retirement));
  await requestPowerOff(self, retirement);
  if (kind === 'accepted') await completeLifecycleHook(self, self.config.terminationHook, HOOK_MS, signal);
  return retirement;
}

/**
 * `retired`: nothing is left to be done. With `instances` the keeper still handles the record, and lists it as `retired`
 * afterwards: it counts a failed boot, lowers a desired capacity that AWS did not lower, or settles a job.
 */
function chooseListing(self: InstanceContext, { reason, rung }: Retirement): 'instances' | 'retired' {
  const isTerminated = rung === 'terminate' || rung === 'terminate-without-decrement';
  const isSettled = !isBusy(self) && !self.work.state().hasStaleRecords;
  return isTerminated && !BROKEN_REASONS.has(reason) && isSettled ? 'retired' : 'instances';
}

async function readQueueDepth({ clients, config, clock, log }: InstanceContext): Promise<number | undefined> {
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
