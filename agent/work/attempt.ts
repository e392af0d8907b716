import { randomUUID } from 'node:crypto';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { nonceOf } from '../../jobs/binding.ts';
import { type Job, ownId } from '../../jobs/message.ts';
import type { Ending } from '../../jobs/outcome.ts';
import { messageOf } from '../../lib/error-message.ts';
import type { Claim, ClaimRequest, JobTable } from '../../store/table.ts';
import { type LeaseTimes, longestRunMs } from '../../policy/lease.ts';
import { refusalKind } from '../../policy/refusal.ts';
import type { Bodies } from './bodies.ts';
import type { Cancels } from './cancels.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import { type Held, jobIdOf } from './held.ts';
import type { Leases } from './leases.ts';
import type { TryLogWriter } from '../log/try-log-writer.ts';
import type { TryLogs } from '../log/try-logs.ts';
import { attributesVariable } from './message-attributes.ts';
import { persist } from '../../lib/persist.ts';
import type { Refusals } from '../supervision/refusals.ts';
import type { RunEnd, Runner } from '../runner/runner.ts';

export interface AttemptOptions {
  runner: Runner;
  /** Undefined: workers get no credentials. */
  access: WorkerAccess | undefined;
  leases: Leases;
  cancels: Cancels;
  /** Undefined: jobs are not tracked, and SQS's receive counts are the attempts. */
  table: JobTable | undefined;
  /** Where output goes; only jobs that are tracked have logs. */
  logs: TryLogs;
  bodies: Bodies;
  /** Told how each claim ended. */
  refusals: Pick<Refusals, 'answered' | 'failed'>;
  instance: string;
  limitSeconds: number;
  graceSeconds: number;
  maxAttempts: number;
  /** Whether workers get the attributes of their message. */
  messageAttributes: boolean;
  clock: Clock;
  random: () => number;
  log: Log;
  /** True once no worker may be started any more. */
  stopping: () => boolean;
  /** True while no new job is taken: a claim that AWS refuses is given up then. */
  draining: () => boolean;
  /** Told of each worker that is started. */
  onStart: () => void;
}

/** How long a slot waits for a table that does not answer, before the job is handed back. */
const CLAIM_PATIENCE_MS = 60_000;

/** How a try ended and where its output went; or that there was none, and what the table said instead. */
export type Attempted =
  | { kind: 'ended'; ending: Ending; log?: TryLogWriter }
  | { kind: 'not-claimed'; claim: Exclude<Claim, { kind: 'claimed' }> };

/** One try of one job, from its claim to the end of its worker. */
export class Attempts {
  readonly #options: AttemptOptions;

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async make(held: Held): Promise<Attempted> {
    const { leases, stopping, table, maxAttempts, messageAttributes } = this.#options;
    held.phase = 'starting';
    if (leases.hasEnded(held)) return ended({ kind: 'lease-lost' });
    if (table) {
      const claim = await this.#claim(table, held);
      if (claim instanceof Error) return ended({ kind: 'not-started', reason: claim.message });
      if (claim.kind === 'refused' && claim.fails) return this.#fail(held, claim.reason);
      if (claim.kind !== 'claimed') return { kind: 'not-claimed', claim };
    }
    if (held.reading.kind === 'broken') return ended({ kind: 'refused', reason: held.reading.reason });
    if (held.claim && held.claim.attempts > maxAttempts) return ended({ kind: 'used-up' });
    const told = messageAttributes ? attributesVariable(held.message.attributes) : { variables: {} };
    if ('reason' in told) return ended({ kind: 'refused', reason: told.reason });
    const job = await this.#withBody(held, held.reading.job);
    if ('kind' in job) return ended(job);
    if (leases.hasEnded(held)) return ended({ kind: 'not-started', reason: 'its lease ended before' });
    if (stopping()) return ended({ kind: 'interrupted' });
    return this.#run(held, job, told.variables);
  }

  /** The message is that of the job, but the job cannot run: its record is to say so. */
  #fail(held: Held, reason: string): Promise<Attempted> {
    held.reading = { kind: 'broken', id: jobIdOf(held), reason };
    return this.make(held);
  }

  /** Much can happen while a body is fetched. */
  async #withBody(held: Held, job: Job): Promise<Job | Ending> {
    const { bodyKey } = job;
    if (bodyKey === undefined) return job;
    const fetched = await this.#options.bodies.fetch(held, { ...job, bodyKey });
    if (held.stopped === 'lease-lost' || held.stopped === 'cancelled') return { kind: held.stopped };
    return fetched;
  }

  /** Claims just before the start, so that a job which only waited here costs no attempt. */
  async #claim(table: JobTable, held: Held): Promise<Claim | Error> {
    const { clock, random, log, leases, refusals, stopping, draining } = this.#options;
    const id = jobIdOf(held);
    const fence = randomUUID();
    const giveUpMs = clock.monotonic() + CLAIM_PATIENCE_MS;
    const asked = new Map<number, LeaseTimes>();
    const tell = (error: unknown) => {
      refusals.failed('claim', error);
      throw error;
    };
    try {
      const claim = await persist(
        () => {
          const request = this.#requestFor(held, fence);
          asked.set(request.leaseUntilMs, held.lease);
          return table.claim(request).catch(tell);
        },
        {
          clock,
          random,
          hopeless: (error) => {
            if (draining() && refusalKind(error as Error) === 'lasting') return true;
            return stopping() || leases.hasEnded(held) || clock.monotonic() > giveUpMs;
          },
          onFailure: (err, tries) => log.warn({ job: id, err, tries }, 'the job could not be claimed yet'),
        },
      );
      refusals.answered('claim');
      if (claim.kind === 'claimed') {
        const { attempts, tries, label, bodyDigest } = claim;
        held.claim = { fence, attempts, tries, label, bodyDigest };
        leases.boundBy(held, asked.get(claim.leaseUntilMs ?? Number.NaN));
      }
      return claim;
    } catch (error) {
      await this.#unclaim(table, held, fence);
      return new Error(`the job table did not answer: ${messageOf(error)}`);
    }
  }

  #requestFor(held: Held, fence: string): ClaimRequest {
    const { clock, instance } = this.#options;
    const { message, lease, reading } = held;
    const id = jobIdOf(held);
    const job = reading.kind === 'job' ? reading.job : undefined;
    const nowMs = clock.now();
    const errorMs = clock.errorMs() ?? 0;
    return {
      id,
      messageId: message.id,
      instance,
      fence,
      nowMs,
      errorMs,
      leaseUntilMs: nowMs + errorMs + (lease.endsAtMs - clock.monotonic()),
      enqueuedAtMs: message.sentAtMs ?? nowMs,
      group: job?.group,
      label: job?.label,
      requestId: job?.requestId,
      limitSeconds: job?.limitSeconds,
      retryOf: job?.retryOf,
      body: job?.bodyKey === undefined ? job?.stdin : undefined,
      isNew: message.receiveCount === 1 && id === ownId(message.id),
      ...proofOf(held),
    };
  }

  /** A claim whose answer was lost may stand in the table all the same: one that was given up costs no attempt. */
  async #unclaim(table: JobTable, held: Held, fence: string): Promise<void> {
    const id = jobIdOf(held);
    await table
      .unclaim(id, fence, this.#options.clock.now())
      .catch((err: unknown) => this.#options.log.warn({ job: id, err }, 'a claim may not be taken back'));
  }

  async #run(held: Held, job: Job, told: Record<string, string>): Promise<Attempted> {
    const { runner, access, leases, cancels, clock, graceSeconds } = this.#options;
    const limitMs = (job.limitSeconds ?? this.#options.limitSeconds) * 1000;
    const startMs = clock.monotonic();
    const runMs = longestRunMs(limitMs, graceSeconds * 1000, startMs - held.receivedAtMs);
    const admission = access?.admit();
    const log = this.#openLog(held);
    held.run = runner.start({
      ...(log && { output: log }),
      stdin: job.stdin,
      argument: job.argument,
      variables: {
        ...variables(job, held, clock.machineNow() + runMs),
        ...told,
        ...admission?.variables,
      },
    });
    held.phase = 'running';
    this.#options.onStart();
    leases.watchLimit(held, startMs + runMs);
    cancels.watch();
    const end = await held.run.ended;
    admission?.revoke();
    const ending = endingOf(end, held, runMs / 1000);
    return log ? { kind: 'ended', ending, log } : ended(ending);
  }

  #openLog(held: Held): TryLogWriter | undefined {
    const { table, logs } = this.#options;
    const { claim } = held;
    const own = claim?.tries.at(-1);
    if (!table || !claim || !own) return undefined;
    const job = jobIdOf(held);
    return logs.open({
      job,
      key: own.key,
      startedMs: Date.parse(own.startedAt),
      note: (log) => table.noteLog(job, claim.fence, claim.tries.length - 1, log),
    });
  }
}

type Proof = Pick<ClaimRequest, 'nonce' | 'needsRecord' | 'needsNonce' | 'overLimit'>;

/** By what a claim sees whether the message belongs to the record of the job that it names. */
function proofOf({ message, reading }: Held): Proof {
  const nonce = nonceOf(message.attributes);
  if (reading.kind === 'job')
    return { nonce, needsRecord: reading.needsRecord, overLimit: reading.overLimit };
  if (reading.id === ownId(message.id)) return { nonce };
  return { nonce, needsRecord: reading.reason, needsNonce: true };
}

/** Tries that cost an attempt, this one included. */
export function attemptsOf(held: Held): number {
  return held.claim?.attempts ?? held.message.receiveCount;
}

function ended(ending: Ending): { kind: 'ended'; ending: Ending } {
  return { kind: 'ended', ending };
}

function endingOf(end: RunEnd, held: Held, limitSeconds: number): Ending {
  // One that was to stop before it could start says nothing of the instance, which counts workers that do not start.
  if (end.kind === 'not-started') {
    return held.stopped === 'interrupted' || held.stopped === 'cancelled' ? { kind: 'interrupted' } : end;
  }
  // What had ended by itself before the stop reached it ended by itself, whatever came up meanwhile.
  if (end.kind === 'lost' || end.stopped) {
    if (held.stopped === 'timed-out') return { kind: 'timed-out', limitSeconds };
    if (held.stopped !== undefined) return { kind: held.stopped };
  }
  if (end.kind === 'lost') return { kind: 'slot-lost', reason: end.reason };
  if (end.kind === 'exited') return { kind: 'exited', status: end.status };
  const { signal, reason } = end;
  return reason === undefined ? { kind: 'signalled', signal } : { kind: 'signalled', signal, reason };
}

/** What a worker is told of its job by its environment. */
function variables(job: Job, held: Held, deadlineMs: number): Record<string, string> {
  return {
    MAYFLY_JOB_ID: job.id,
    MAYFLY_ATTEMPT: `${attemptsOf(held)}`,
    MAYFLY_DEADLINE: new Date(deadlineMs).toISOString(),
    MAYFLY_REQUEST_ID: job.requestId ?? '',
    MAYFLY_GROUP: job.group ?? '',
    MAYFLY_LABEL: held.claim?.label ?? '',
  };
}
