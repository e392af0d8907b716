import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { resolvesWithin } from '../../lib/with-timeout.ts';
import { backoffMs } from '../../policy/backoff.ts';
import { refusalKind } from '../../policy/refusal.ts';
import type { Refusals } from '../supervision/refusals.ts';

/** Temporary credentials as "Container credential provider" (AWS SDKs and Tools Reference Guide) has them answered. */
export interface WorkerCredentials {
  AccessKeyId: string;
  SecretAccessKey: string;
  Token: string;
  /** RFC 3339, without fractions of a second. */
  Expiration: string;
}

export interface RoleSessionOptions {
  /** ARN of the workers' role, for the log. */
  roleArn: string;
  /** Asks STS once, with the SDK's own retries. */
  assume: () => Promise<WorkerCredentials>;
  clock: Clock;
  /** Told how each round of calls ended. */
  refusals: Pick<Refusals, 'answered' | 'failed'>;
  /** As `Math.random`. */
  random: () => number;
  log: Log;
}

/** Without fractions of a second, as STS and the metadata write it: not every reader of RFC 3339 takes them. */
export function rfc3339(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** There are no credentials to give out now. `denied`: STS refuses the role; else it gave no answer, or no good one. */
export class NoCredentials extends Error {
  override readonly name = 'NoCredentials';
  readonly denied: boolean;
  constructor(message: string, denied: boolean) {
    super(message);
    this.denied = denied;
  }
}

/** "Roles terms and concepts": a role that assumes another gets an hour at most. */
export const SESSION_SECONDS = 3600;
const SESSION_MS = SESSION_SECONDS * 1000;

/** From here on the next are fetched, so that what is given out is good for half an hour while STS answers. */
const RENEW_MS = SESSION_MS / 2;
/** With less than this left a request waits for the next: boto3 renews ten minutes before the end, others five. */
const SHORT_MS = 15 * 60_000;
/** What ends sooner is not given out: its first use would come too late. */
const LEAST_MS = 60_000;

/** How long a request waits for STS. The JavaScript SDK gives its own request a second, and asks again. */
const PATIENCE_MS = 800;

/** Between two rounds of calls that failed: workers that ask in a loop must not become a loop of calls. */
const WAITS = { initialMs: 500, maxMs: 15_000 };
/** Before a role that was refused is asked for without a worker's asking. */
const LEAST_WAIT_MS = 250;

/**
 * The session of the workers' role that all workers of an instance share: fetched when the first of them asks, and
 * again ahead of its end as long as somebody does. Who asks while STS is down gets what there is, until that ends. A role
 * that STS refuses is asked for again until it is granted: meanwhile no worker is started that could ask.
 */
export class RoleSession {
  readonly #options: RoleSessionOptions;
  #held: { credentials: WorkerCredentials; endsAtMs: number } | undefined;
  /** The round of calls under way; never rejects. */
  #round: Promise<void> | undefined;
  #failure: NoCredentials | undefined;
  #failures = 0;
  #nextRoundMs = Number.NEGATIVE_INFINITY;
  /** The loop that asks again by itself is waiting. */
  #asksAgain = false;
  readonly #closed = new AbortController();

  constructor(options: RoleSessionOptions) {
    this.#options = options;
  }

  /** Rejects with `NoCredentials` when there are none within the time that a request has. */
  async credentials(): Promise<WorkerCredentials> {
    if (this.#leftMs() < RENEW_MS) this.#renew();
    if (this.#leftMs() < SHORT_MS && this.#round) {
      await resolvesWithin(this.#options.clock, PATIENCE_MS, this.#round);
    }
    if (this.#held && this.#leftMs() >= LEAST_MS) return this.#held.credentials;
    throw this.#failure ?? new NoCredentials('STS has not answered yet', false);
  }

  /** No round begins any more by itself. */
  close(): void {
    this.#closed.abort();
  }

  #leftMs(): number {
    return (this.#held?.endsAtMs ?? Number.NEGATIVE_INFINITY) - this.#options.clock.monotonic();
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
    // Counted from before the call and by the monotonic clock: an instance's wall clock may be wrong.
    const endsAtMs = clock.monotonic() + SESSION_MS;
    try {
      this.#held = { credentials: this.#onMachine(await assume()), endsAtMs };
      this.#succeeded();
    } catch (error) {
      this.#failed(error);
      const waitMs = backoffMs(WAITS, this.#failures, random);
      this.#nextRoundMs = clock.monotonic() + waitMs;
      if (this.#failure?.denied) void this.#askAgain(waitMs);
    }
  }

  /** Workers' SDKs go by the machine's clock, which may be wrong. */
  #onMachine(credentials: WorkerCredentials): WorkerCredentials {
    const { clock } = this.#options;
    const endsAtMs = Date.parse(credentials.Expiration) - clock.now() + clock.machineNow();
    return { ...credentials, Expiration: rfc3339(new Date(endsAtMs)) };
  }

  /** Ends with the session, else with the round that it starts. A round that a worker began starts no second loop. */
  async #askAgain(waitMs: number): Promise<void> {
    if (this.#asksAgain) return;
    this.#asksAgain = true;
    const { signal } = this.#closed;
    await this.#options.clock.sleep(Math.max(LEAST_WAIT_MS, waitMs), signal).catch(() => undefined);
    this.#asksAgain = false;
    if (!signal.aborted) this.#startRound();
  }

  #succeeded(): void {
    const { log, refusals, roleArn } = this.#options;
    refusals.answered('worker-role');
    if (this.#failure) log.info({ role: roleArn }, 'workers get AWS credentials again');
    this.#failure = undefined;
    this.#failures = 0;
  }

  /** Logs the first failure of a kind in a row, not each: workers may ask often. */
  #failed(err: unknown): void {
    const { log, refusals, roleArn } = this.#options;
    refusals.failed('worker-role', err);
    const denied = err instanceof Error && refusalKind(err) === 'lasting';
    const known = this.#failure?.denied === denied;
    this.#failures += 1;
    const reason = err instanceof Error ? err.message : String(err);
    this.#failure = new NoCredentials(reason, denied);
    if (known) return;
    if (denied) {
      const mend = `its trust policy has to let the role of this instance assume it`;
      log.error({ err, role: roleArn }, `workers get no AWS credentials: STS refuses their role; ${mend}`);
    } else {
      log.warn({ err, role: roleArn }, 'STS gives no credentials for the workers yet');
    }
  }
}
