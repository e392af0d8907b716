import { randomUUID } from 'node:crypto';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { readNonce } from '../../jobs/binding.ts';
import { createOwnJobId, type Job } from '../../jobs/message.ts';
import {
  formatAttributes,
  type MessageAttributes,
  selectProducerAttributes,
} from '../../jobs/message-attributes.ts';
import type { Ending } from '../../jobs/outcome.ts';
import { readRelease } from '../../jobs/released.ts';
import { messageOf } from '../../lib/error-message.ts';
import { retry } from '../../lib/retry.ts';
import { type LeaseTimes, longestRunMs } from '../../policy/lease.ts';
import { classifyRefusal } from '../../policy/refusal.ts';
import type { Claim, ClaimRequest, GroupedClaim } from '../../store/claim.ts';
import type { JobTable } from '../../store/job-table.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import type { TryLogWriter } from '../log/try-log-writer.ts';
import type { TryLogs } from '../log/try-logs.ts';
import { RepeatedRun } from '../runner/repeated-run.ts';
import type { Run, Runner, Task, WorkerResult } from '../runner/runner.ts';
import { SecretsUnreadableError, type SecretValues, type WorkerSecrets } from '../secrets/worker-secrets.ts';
import type { RefusalTracker } from '../supervision/refusals.ts';
import { attributesVariable } from './attributes-variable.ts';
import type { Bodies } from './bodies.ts';
import type { Cancellations } from './cancellations.ts';
import { type InFlightMessage, jobIdOf } from './in-flight-message.ts';
import { createJobVariables } from './job-variables.ts';
import type { Leases } from './leases.ts';
import { toCheckEnding, toEnding } from './run-ending.ts';
import { tryInTime } from './try-in-time.ts';

export interface AttemptOptions {
  runner: Runner;
  /** Undefined: workers get no credentials. */
  access: WorkerAccess | undefined;
  /** Undefined: workers have no secrets. */
  secrets: Pick<WorkerSecrets, 'read'> | undefined;
  leases: Leases;
  cancels: Cancellations;
  /** Undefined: jobs are not tracked, and SQS's receive counts are the attempts. */
  table: JobTable | undefined;
  /** Where output goes. Only tracked jobs have logs. */
  logs: TryLogs;
  bodies: Bodies;
  /** Gets the result of each claim. */
  refusals: Pick<RefusalTracker, 'answered' | 'failed'>;
  instance: string;
  limitSeconds: number;
  graceSeconds: number;
  maxAttempts: number;
  /** The prop `commands`. */
  commands: AgentConfig['commands'];
  /** Whether workers get their message's attributes. */
  messageAttributes: boolean;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Whether no worker may be started any more. */
  stopping: () => boolean;
  /** Whether no new job is taken. Then a claim that AWS refuses is not repeated. */
  draining: () => boolean;
  /** Called when a worker was started. */
  onStart: () => void;
}

/** How long a slot waits for a table that does not answer, before the job is requeued. */
const CLAIM_TIMEOUT_MS = 60_000;

/** How a try ended, its log and its worker's result. */
export interface EndedAttempt {
  kind: 'ended';
  ending: Ending;
  log?: TryLogWriter;
  result?: WorkerResult;
}

/** How a try ended; or that the job could not be claimed, and the table's answer. */
export type AttemptResult =
  | EndedAttempt
  | { kind: 'not-claimed'; claim: Exclude<Claim, { kind: 'claimed' }> };

/** Makes tries of jobs, from the claim to the end of the worker. */
export class Attempts {
  readonly #options: AttemptOptions;

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async run(inFlight: InFlightMessage): Promise<AttemptResult> {
    const { leases, stopping, table, messageAttributes } = this.#options;
    inFlight.phase = 'starting';
    if (leases.hasEnded(inFlight)) return ended({ kind: 'lease-lost' });
    if (table) {
      const claim = await this.#claim(table, inFlight);
      if (claim instanceof Error) return ended({ kind: 'not-started', reason: claim.message });
      if (claim.kind === 'refused' && claim.fails) return this.#fail(inFlight, claim.reason);
      if (claim.kind !== 'claimed') return { kind: 'not-claimed', claim };
    }
    if (inFlight.reading.kind === 'broken')
      return ended({ kind: 'refused', reason: inFlight.reading.reason });
    const notTried = this.#whyNotTried(inFlight);
    if (notTried) return ended(notTried);
    const attributes = messageAttributes
      ? attributesVariable(inFlight.message.attributes)
      : { variables: {} };
    if ('reason' in attributes) return ended({ kind: 'refused', reason: attributes.reason });
    const job = await this.#withBody(inFlight, inFlight.reading.job);
    if ('kind' in job) return ended(job);
    const secrets = await this.#readSecrets(inFlight);
    if ('kind' in secrets) return ended(secrets);
    if (leases.hasEnded(inFlight)) return ended({ kind: 'not-started', reason: 'its lease ended before' });
    if (stopping()) return ended({ kind: 'interrupted' });
    return this.#run(inFlight, job, {
      ...secrets,
      variables: { ...secrets.variables, ...attributes.variables },
    });
  }

  /** Why the claimed job is not tried, by what its record says. */
  #whyNotTried({ claim }: InFlightMessage): Ending | undefined {
    if (!claim) return undefined;
    const { commands, clock } = this.#options;
    const { checkUntilMs, checkSeconds = 0, command, ...own }: Partial<GroupedClaim> = claim.grouped ?? {};
    if (checkUntilMs !== undefined && clock.now() >= checkUntilMs)
      return { kind: 'check-timed-out', checkSeconds };
    if (claim.attempts > (own.maxAttempts ?? this.#options.maxAttempts)) return { kind: 'used-up' };
    if (command === undefined || Object.hasOwn(commands, command)) return undefined;
    const names = Object.keys(commands).join(', ') || 'none';
    return {
      kind: 'refused',
      reason: `the job names the command ${command}, which this fleet does not have (its prop commands has ${names})`,
    };
  }

  /** The message belongs to the job, but the job cannot run. Its record will say so. */
  #fail(inFlight: InFlightMessage, reason: string): Promise<AttemptResult> {
    inFlight.reading = { kind: 'broken', id: jobIdOf(inFlight), reason };
    return this.run(inFlight);
  }

  /** The lease may be lost, or the job cancelled, while the body is fetched. */
  async #withBody(inFlight: InFlightMessage, job: Job): Promise<Job | Ending> {
    const { bodyKey } = job;
    if (bodyKey === undefined) return job;
    const fetched = await this.#options.bodies.fetch(inFlight, { ...job, bodyKey });
    return whyStopped(inFlight) ?? fetched;
  }

  /** The lease may be lost, or the job cancelled, while the secrets are read. */
  async #readSecrets(inFlight: InFlightMessage): Promise<SecretValues | Ending> {
    const { secrets, log } = this.#options;
    if (!secrets) return { variables: {}, files: {} };
    const job = jobIdOf(inFlight);
    const options = {
      ...this.#options,
      isFinal: (error: unknown) => error instanceof SecretsUnreadableError && error.kind === 'lasting',
      onFailure: (error: unknown, tries: number) =>
        log.warn({ job, error: messageOf(error), tries }, 'the secrets of a job could not be read yet'),
    };
    try {
      const values = await tryInTime(inFlight, options, () => secrets.read());
      return whyStopped(inFlight) ?? values;
    } catch (error) {
      const reason = `its secrets could not be read: ${messageOf(error)}`;
      return whyStopped(inFlight) ?? { kind: 'not-started', reason };
    }
  }

  /** Claims right before the start, so that a job that only waited here costs no attempt. */
  async #claim(table: JobTable, inFlight: InFlightMessage): Promise<Claim | Error> {
    const { clock, random, log, leases, refusals, stopping, draining } = this.#options;
    const id = jobIdOf(inFlight);
    const fence = randomUUID();
    const deadlineMs = clock.monotonic() + CLAIM_TIMEOUT_MS;
    const requestedLeases = new Map<number, LeaseTimes>();
    const onError = (error: unknown) => {
      refusals.failed('claim', error);
      throw error;
    };
    try {
      const claim = await retry(
        () => {
          const request = this.#createRequest(inFlight, fence);
          requestedLeases.set(request.leaseUntilMs, inFlight.lease);
          return table.claim(request).catch(onError);
        },
        {
          clock,
          random,
          shouldGiveUp: (error) => {
            if (draining() && classifyRefusal(error as Error) === 'lasting') return true;
            return stopping() || leases.hasEnded(inFlight) || clock.monotonic() > deadlineMs;
          },
          onFailure: (err, tries) => log.warn({ job: id, err, tries }, 'the job could not be claimed yet'),
        },
      );
      refusals.answered('claim');
      if (claim.kind === 'claimed') {
        const { kind: _, leaseUntilMs: __, ...claimed } = claim;
        inFlight.claim = { fence, ...claimed };
        leases.capLease(inFlight, requestedLeases.get(claim.leaseUntilMs ?? Number.NaN));
      }
      return claim;
    } catch (error) {
      await this.#unclaim(table, inFlight, fence);
      return new Error(`the job table did not answer: ${messageOf(error)}`);
    }
  }

  #createRequest(inFlight: InFlightMessage, fence: string): ClaimRequest {
    const { clock, instance } = this.#options;
    const { message, lease, reading } = inFlight;
    const id = jobIdOf(inFlight);
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
      ...createGroupFields(job, message.attributes),
      label: job?.label,
      requestId: job?.requestId,
      limitSeconds: job?.limitSeconds,
      retryOf: job?.retryOf,
      body: job?.bodyKey === undefined ? job?.stdin : undefined,
      isNew: message.receiveCount === 1 && id === createOwnJobId(message.id),
      ...createProof(inFlight),
    };
  }

  /** A claim whose answer was lost may be in the table. It is removed, so that it costs no attempt. */
  async #unclaim(table: JobTable, inFlight: InFlightMessage, fence: string): Promise<void> {
    const id = jobIdOf(inFlight);
    await table
      .revertClaim(id, fence, this.#options.clock.now())
      .catch((err: unknown) =>
        this.#options.log.warn({ job: id, err }, 'a claim could not be removed from the table'),
      );
  }

  async #run(
    inFlight: InFlightMessage,
    job: Job,
    { variables, files }: SecretValues,
  ): Promise<AttemptResult> {
    const { access, leases, cancels, clock, graceSeconds } = this.#options;
    const startMs = clock.monotonic();
    const sinceReceiveMs = startMs - inFlight.receivedAtMs;
    const runMs = longestRunMs(this.#limitMs(inFlight, job), graceSeconds * 1000, sinceReceiveMs);
    const admission = access?.admit();
    const log = this.#openLog(inFlight);
    const run = this.#start(inFlight, {
      ...(log && { output: log }),
      stdin: job.stdin,
      argument: job.argument,
      variables: {
        ...createJobVariables(job, inFlight, clock.machineNow() + runMs),
        ...variables,
        ...admission?.variables,
      },
      files,
    });
    inFlight.run = run;
    inFlight.phase = 'running';
    this.#options.onStart();
    leases.enforceLimit(inFlight, startMs + runMs);
    cancels.startChecking();
    const end = await run.ended;
    admission?.revoke();
    const ending = toEnding(end, inFlight, runMs / 1000);
    const attempted = run instanceof RepeatedRun ? toCheckEnding(ending, run.lastOwnEnd, inFlight) : ending;
    const result = 'result' in end ? end.result : undefined;
    return { ...ended(attempted), ...(log && { log }), ...(result && { result }) };
  }

  /** The time of a health check does not begin again with another try. */
  #limitMs({ claim }: InFlightMessage, { limitSeconds = this.#options.limitSeconds }: Job): number {
    const { checkUntilMs } = claim?.grouped ?? {};
    return checkUntilMs === undefined ? limitSeconds * 1000 : checkUntilMs - this.#options.clock.now();
  }

  /** Starts the fleet's command, or the one that the record names. A health check is repeated until it succeeds. */
  #start({ claim }: InFlightMessage, input: Omit<Task, 'program'>): Run {
    const { runner, clock } = this.#options;
    const { command, stage } = claim?.grouped ?? {};
    const task: Task = command === undefined ? input : { ...input, program: { command } };
    const start = () => runner.start(task);
    return stage === 'check' ? new RepeatedRun({ start, clock }) : start();
  }

  #openLog(inFlight: InFlightMessage): TryLogWriter | undefined {
    const { table, logs } = this.#options;
    const { claim } = inFlight;
    const current = claim?.tries.at(-1);
    if (!table || !claim || !current) return undefined;
    const job = jobIdOf(inFlight);
    return logs.open({
      job,
      key: current.key,
      startedMs: Date.parse(current.startedAt),
      note: (log) => table.writeLog(job, claim.fence, claim.tries.length - 1, log),
    });
  }
}

/** A redriven dead letter still has the number of the release of the job that failed. */
function createGroupFields(
  job: Job | undefined,
  attributes: MessageAttributes,
): Pick<ClaimRequest, 'group' | 'target' | 'release' | 'attributes'> {
  const released = readRelease(attributes);
  // A message that cannot become a job still belongs to the job that it was sent for.
  if (!job) return released === undefined ? {} : { release: released };
  const { group, target, retryOf } = job;
  if (group === undefined) return {};
  const release = retryOf === undefined ? released : undefined;
  if (release !== undefined) return { group, release };
  const own = selectProducerAttributes(attributes);
  return { group, target, ...(Object.keys(own).length > 0 && { attributes: formatAttributes(own) }) };
}

/** Why a job that waits for its start must not be started any more. */
function whyStopped({ stopped }: InFlightMessage): Ending | undefined {
  return stopped === 'lease-lost' || stopped === 'cancelled' ? { kind: stopped } : undefined;
}

type Proof = Pick<ClaimRequest, 'nonce' | 'needsRecord' | 'needsNonce' | 'overLimit'>;

/** What a claim needs to check whether the message belongs to the record of the job that it names. */
function createProof({ message, reading }: InFlightMessage): Proof {
  const nonce = readNonce(message.attributes);
  if (reading.kind === 'job')
    return { nonce, needsRecord: reading.needsRecord, overLimit: reading.overLimit };
  if (reading.id === createOwnJobId(message.id)) return { nonce };
  return { nonce, needsRecord: reading.reason, needsNonce: true };
}

function ended(ending: Ending): { kind: 'ended'; ending: Ending } {
  return { kind: 'ended', ending };
}
