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
/** How long the wait state of the hook may take to come about before the machine goes off without it. */
const HOOK_MS = 120_000;
/** Looks at a queue that does not answer, before an instance goes without a last look. */
const BLIND_LOOKS = 3;

export interface Wish {
  reason: RetirementReason;
  /** What is wrong with the instance, if it is of no use. */
  broken?: Broken;
  /** At the decision. */
  idleSeconds: number;
  /** Whether Auto Scaling is ending the instance already. */
  isEnding: () => boolean;
  /** Whether the instance must take no job, whatever the queue holds: the fleet is paused, or the workers' role is refused. */
  isHeld: () => boolean;
  /** Called when the retirement goes on record. */
  onRecord: () => void;
}

/**
 * Retires an instance that has nothing to do: stops receiving, looks at the queue a last time unless it must take
 * no job, and goes if nothing came. Returns `back` when it goes on working: `refused` tells that the group wants to
 * keep it.
 */
export async function retireIfIdle(
  self: Self,
  wish: Wish,
  signal: AbortSignal,
): Promise<{ retirement: Retirement } | { back: 'job' | 'refused' }> {
  const { work, log } = self;
  const { reason, isHeld } = wish;
  self.supervisor.tried();
  await work.pause();
  const looked = isBusy(self) ? 'busy' : isHeld() ? 'empty' : await lookLast(self);
  if (looked !== 'empty') {
    log.info({ reason, looked }, 'back to work, a job came at the last look');
    if (looked === 'busy') resume(work, wish, signal);
    return { back: 'job' };
  }
  const retirement = await go(self, wish, reason !== 'surplus', signal);
  if (retirement) return { retirement };
  log.info({ reason }, 'back to work, the group is at its minimum');
  await withdraw(self);
  resume(work, wish, signal);
  return { back: 'refused' };
}

/** Retires an instance that must go, whatever the queue holds. Its jobs have ended or were handed back. */
export async function retireNow(self: Self, wish: Wish, signal: AbortSignal): Promise<Retirement> {
  const retirement = await go(self, wish, false, signal);
  if (!retirement) throw new Error(`the ladder let an instance stay that must go (${wish.reason})`);
  return retirement;
}

/** An agent that was stopped meanwhile takes no job any more, nor does one that is held from its work. */
function resume(work: Work, { isHeld }: Wish, signal: AbortSignal): void {
  signal.throwIfAborted();
  if (!isHeld()) work.resume();
}

function isBusy({ work }: Self): boolean {
  const { running, settling } = work.state();
  return running + settling > 0;
}

/** A queue that does not answer for a while keeps no instance alive: what is on it wakes another. */
async function lookLast({ work, log }: Self): Promise<'empty' | 'found'> {
  for (let looks = 1; looks <= BLIND_LOOKS; looks++) {
    const seen = await work.lastLook();
    if (seen !== 'unknown') return seen;
  }
  log.warn({ looks: BLIND_LOOKS }, 'the queue does not answer: going without a last look');
  return 'empty';
}

async function go(
  self: Self,
  { reason, broken, idleSeconds, isEnding, onRecord }: Wish,
  mayStay: boolean,
  signal: AbortSignal,
): Promise<Retirement | undefined> {
  const queueDepth = await depthOf(self);
  // An agent that was stopped meanwhile has said so, and ends nothing any more.
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
  const climbed: Climbed =
    reason === 'auto-scaling'
      ? { kind: 'accepted', rung, tries: 0 }
      : await climb(self, { first: rung, mayStay, isEnding }, signal);
  if (climbed.kind === 'stay') return undefined;
  const { kind, ...how } = climbed;
  const retirement = { ...decision, endedAt: new Date(self.clock.now()).toISOString(), ...how };
  await record(self, retirement, 'retired', listingOf(self, retirement));
  await askForPowerOff(self, retirement);
  if (kind === 'accepted') await completeHook(self, self.config.terminationHook, HOOK_MS, signal);
  return retirement;
}

/**
 * `instances` leaves a record to the keeper, which has something to do for it: count a boot that failed, lower a
 * desired capacity that AWS did not lower, settle a job.
 */
function listingOf(self: Self, { reason, rung }: Retirement): 'instances' | 'retired' {
  const letGo = rung === 'terminate' || rung === 'terminate-without-decrement';
  const settled = !isBusy(self) && !self.work.state().leftBehind;
  return letGo && !BROKEN_REASONS.has(reason) && settled ? 'retired' : 'instances';
}

async function depthOf({ clients, config, clock, log }: Self): Promise<number | undefined> {
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
    log.warn({ err: error }, 'the queue does not tell its depth');
    return undefined;
  }
}
