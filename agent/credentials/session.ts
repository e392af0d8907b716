import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { messageOf } from '../../lib/error-message.ts';
import { resolvesWithin } from '../../lib/with-timeout.ts';
import { classifyRefusal } from '../../policy/refusal.ts';
import type { RefusalTracker } from '../supervision/refusals.ts';

/** Temporary credentials in the format of the "Container credential provider" (AWS SDKs and Tools Reference Guide). */
export interface WorkerCredentials {
  AccessKeyId: string;
  SecretAccessKey: string;
  Token: string;
  /** RFC 3339 without fractions of a second. */
  Expiration: string;
}

export interface RoleSessionOptions {
  /** ARN of the workers' role, for log messages. */
  roleArn: string;
  /** Calls STS once, with the SDK's retries. */
  assume: () => Promise<WorkerCredentials>;
  clock: Clock;
  /** Gets the result of each round of calls. */
  refusals: Pick<RefusalTracker, 'answered' | 'failed'>;
  /** As `Math.random`. */
  random: () => number;
  log: Log;
}

/** Formats a time without fractions of a second, as STS and the metadata do: not every parser accepts them. */
export function formatRfc3339(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** There are no credentials now. `denied`: STS refuses the role. Otherwise STS did not answer, or with an error. */
export class NoCredentialsError extends Error {
  override readonly name = 'NoCredentialsError';
  readonly denied: boolean;
  constructor(message: string, denied: boolean) {
    super(message);
    this.denied = denied;
  }
}

/** A role that assumes another gets an hour at most ("Roles terms and concepts", role chaining). */
export const SESSION_SECONDS = 3600;
const SESSION_MS = SESSION_SECONDS * 1000;

/** With less time left, new credentials are fetched. While STS answers, credentials are thus valid for half an hour. */
const RENEW_MS = SESSION_MS / 2;
/** With less time left, a request waits for new ones: boto3 renews ten minutes before the end, other SDKs five. */
const WAIT_BELOW_MS = 15 * 60_000;
/** With less time left, credentials are not given out: they could end before their first use. */
const MIN_LEFT_MS = 60_000;

/** How long a request waits for STS. The JavaScript SDK waits a second for an answer, and then asks again. */
const MAX_WAIT_MS = 800;

/** Between two rounds of calls that failed. Workers that ask in a loop must not cause a loop of calls. */
const RETRY_DELAYS = { initialMs: 500, maxMs: 15_000 };
/** The least wait before a refused role is assumed again without a worker's request. */
const MIN_RETRY_DELAY_MS = 250;

/**
 * The session of the workers' role, which all workers of an instance share. It is fetched at the first request, and again
 * before it ends as long as requests come. While STS is down, requests get the current credentials until they end. If STS
 * refuses the role, the session asks again until STS grants it: meanwhile no worker is started that could ask.
 */
export class RoleSession {
  readonly #options: RoleSessionOptions;
  #current: { credentials: WorkerCredentials; endsAtMs: number } | undefined;
  /** The current round of calls. Never rejects. */
  #round: Promise<void> | undefined;
  #failure: NoCredentialsError | undefined;
  #failures = 0;
  #nextRoundMs = Number.NEGATIVE_INFINITY;
  /** The session waits to ask again by itself. */
  #isRetryPlanned = false;
  readonly #closed = new AbortController();

  constructor(options: RoleSessionOptions) {
    this.#options = options;
  }

  /** Rejects with `NoCredentialsError` if there are none within the time that a request may take. */
  async credentials(): Promise<WorkerCredentials> {
    if (this.#leftMs() < RENEW_MS) this.#renew();
    if (this.#leftMs() < WAIT_BELOW_MS && this.#round) {
      await resolvesWithin(this.#options.clock, MAX_WAIT_MS, this.#round);
    }
    if (this.#current && this.#leftMs() >= MIN_LEFT_MS) return this.#current.credentials;
    throw this.#failure ?? new NoCredentialsError('STS has not answered yet', false);
  }

  /** From now on no round starts by itself. */
  close(): void {
    this.#closed.abort();
  }

  #leftMs(): number {
    return (this.#current?.endsAtMs ?? Number.NEGATIVE_INFINITY) - this.#options.clock.monotonic();
  }

  #renew(): void {
    if (this.#options.clock.monotonic() >= this.#nextRoundMs) this.#startRound();
  }

  #startRound(): void {
    this.#round ??= this.#callSts().finally(() => {
      this.#round = undefined;
    });
  }

  async #callSts(): Promise<void> {
    const { assume, clock, random } = this.#options;
    // Counted from before the call, with the monotonic clock: the instance's wall clock may be wrong.
    const endsAtMs = clock.monotonic() + SESSION_MS;
    try {
      this.#current = { credentials: this.#toMachineTime(await assume()), endsAtMs };
      this.#succeeded();
    } catch (error) {
      this.#failed(error);
      const waitMs = backoffMs(RETRY_DELAYS, this.#failures, random);
      this.#nextRoundMs = clock.monotonic() + waitMs;
      if (this.#failure?.denied) void this.#retryLater(waitMs);
    }
  }

  /** Workers' SDKs compare the expiration with the machine's clock, which may be wrong. */
  #toMachineTime(credentials: WorkerCredentials): WorkerCredentials {
    const { clock } = this.#options;
    const endsAtMs = Date.parse(credentials.Expiration) - clock.now() + clock.machineNow();
    return { ...credentials, Expiration: formatRfc3339(new Date(endsAtMs)) };
  }

  /** Starts a round after a wait, unless the session is closed. Only one such wait is active at a time. */
  async #retryLater(waitMs: number): Promise<void> {
    if (this.#isRetryPlanned) return;
    this.#isRetryPlanned = true;
    const { signal } = this.#closed;
    await this.#options.clock.sleep(Math.max(MIN_RETRY_DELAY_MS, waitMs), signal).catch(() => undefined);
    this.#isRetryPlanned = false;
    if (!signal.aborted) this.#startRound();
  }

  #succeeded(): void {
    const { log, refusals, roleArn } = this.#options;
    refusals.answered('worker-role');
    if (this.#failure) log.info({ role: roleArn }, 'workers get AWS credentials again');
    this.#failure = undefined;
    this.#failures = 0;
  }

  /** Logs only the first of equal failures in a row: workers may ask often. */
  #failed(err: unknown): void {
    const { log, refusals, roleArn } = this.#options;
    refusals.failed('worker-role', err);
    const denied = err instanceof Error && classifyRefusal(err) === 'lasting';
    const known = this.#failure?.denied === denied;
    this.#failures += 1;
    const reason = messageOf(err);
    this.#failure = new NoCredentialsError(reason, denied);
    if (known) return;
    if (denied) {
      const remedy = `its trust policy has to let the role of this instance assume it`;
      log.error({ err, role: roleArn }, `workers get no AWS credentials: STS refuses their role; ${remedy}`);
    } else {
      log.warn({ err, role: roleArn }, 'STS gives no credentials for the workers yet');
    }
  }
}
