import type { Outlook, Retirement } from '../../jobs/record.ts';
import { billingOf } from '../../policy/billing.ts';
import { brokenBy } from '../../policy/broken.ts';
import { presentRefusals } from '../../policy/refusal.ts';
import {
  type Broken,
  type Decision,
  decide,
  type InstanceFacts,
  isEnding,
  isPooled,
  type Reason,
  type RetirementRules,
} from '../../policy/retirement.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { record } from './account.ts';
import { Arrival } from './arrival.ts';
import { Bell } from './bell.ts';
import { drainFor } from './drain.ts';
import { outlookOf } from './outlook.ts';
import { isPaused } from './pause.ts';
import { retireIfIdle, retireNow } from './retire.ts';
import type { Self } from './self.ts';
import { inWarmPool, leaveWarmPool } from './warm-pool.ts';
import { report, type Sight, watch } from './watch.ts';

/** The policy is asked this often even if nothing happens. */
const LONGEST_WAIT_MS = 3_600_000;
const BACK_MS = 1000;
const WORKING = 'working';

/**
 * An instance between its agent's start and its end. Working and idle are the job side's states; here it lives on,
 * is retiring, or has ended. Whatever changes rings the bell, and then the policy is asked again.
 */
export class Living {
  readonly #self: Self;
  readonly #stopped: AbortSignal;
  readonly #bell = new Bell();
  readonly #silent = new AbortController();
  readonly #rules: RetirementRules;
  readonly #arrival: Arrival;
  readonly #startedMs: number;
  #broken: Broken | undefined;
  #bootMs: number | undefined;
  #refusedAtMs: number | undefined;
  #sight: Sight = {};
  /** The work is held back: it has not begun, the fleet is paused, or STS refuses the workers' role. */
  #held = true;
  /** The instance waits in its warm pool. `#sight` does not tell so: it has no notices yet. */
  #inPool = false;
  /** The retirement is on record, and not taken back. */
  #onRecord = false;

  constructor(self: Self, workerMissing: string | undefined, stopped: AbortSignal) {
    this.#self = self;
    if (workerMissing !== undefined) this.#broken = { reason: 'worker-missing', problem: workerMissing };
    this.#stopped = stopped;
    this.#rules = rulesOf(self.config.retirement);
    this.#arrival = new Arrival({
      self,
      stopped,
      isBroken: () => this.#broken !== undefined,
      isPaused: () => this.#sight.paused ?? false,
    });
    this.#startedMs = self.clock.monotonic();
  }

  /** Resolves when the instance has retired; rejects when the agent is stopped before. */
  async live(): Promise<Retirement> {
    const watching = new AbortController();
    const over = AbortSignal.any([watching.signal, this.#stopped]);
    const unlistenToAnswers = this.#self.refusals.onChange(() => this.#news());
    await this.#begin();
    const seen = (news: Sight) => {
      this.#sight = { ...this.#sight, ...news };
      this.#news();
    };
    report(this.#self, this.#silent.signal, () => this.#outlook(), seen);
    watch(this.#self, over, seen);
    const unlisten = this.#self.work.onChange(() => this.#bell.ring());
    this.#stopped.addEventListener('abort', () => this.#bell.ring(), { once: true });
    try {
      return await this.#untilRetired();
    } finally {
      unlisten();
      unlistenToAnswers();
      this.#arrival.end();
      watching.abort();
      if (!this.#stopped.aborted) this.fallSilent();
    }
  }

  /** Nothing of it is left to be heard of. Called by itself at its end; after a stop when its jobs have ended. */
  fallSilent(): void {
    this.#silent.abort();
  }

  /** What was wrong first is what goes on record. */
  breakDown(broken: Broken): void {
    this.#self.log.error(broken, 'this instance is of no use');
    this.#broken ??= broken;
    this.#bell.ring();
  }

  /** An instance that goes down with its agent says so; one that retires has said why already. */
  async recordStop(signal?: string): Promise<void> {
    if (this.#onRecord) return;
    const now = new Date(this.#self.clock.now()).toISOString();
    const idleSeconds = (this.#idleMs() ?? 0) / 1000;
    const { jobsDone } = this.#self.work.state();
    const how = { rung: 'power-off', tries: 0, idleSeconds, jobsDone } as const;
    const problem = signal && `it was sent ${signal}`;
    const told = { reason: 'stopped', decidedAt: now, endedAt: now, ...(problem && { problem }) } as const;
    const retirement = { ...told, ...how };
    await record(this.#self, retirement, 'the agent is stopped', 'instances');
  }

  async #begin(): Promise<void> {
    const { supervisor } = this.#self;
    if (this.#broken) this.breakDown(this.#broken);
    await this.#arrival.begin();
    if (await inWarmPool(this.#self)) await this.#waitInPool();
    if (!isEnding(this.#sight.notices?.targetState)) await this.#arrival.letIn(false);
    // "Instance scale-in protection starts when the instance state is InService": a job begun before could be cut off.
    await this.#lookAtPause();
    await this.#self.access?.verify();
    if (!this.#stopped.aborted) this.#holdOrGoOn();
    supervisor.doing(this.#doing());
    supervisor.ready();
    void this.#becomeReady();
  }

  async #becomeReady(): Promise<void> {
    this.#bootMs = await this.#arrival.ready();
    this.#bell.ring();
  }

  /** What AWS refuses a paused fleet, or an instance in its warm pool, keeps it from nothing. */
  #judgeRefusals(): void {
    const { config, refusals } = this.#self;
    const { paused = false, notices } = this.#sight;
    if (this.#broken || paused || this.#inPool || isPooled(notices?.targetState)) return;
    const broken = brokenBy(refusals.now, config.retirement.refusalSeconds * 1000);
    if (broken) this.breakDown(broken);
  }

  #news(): void {
    this.#judgeRefusals();
    this.#arrival.look();
    this.#bell.ring();
  }

  /** In a warm pool it takes no job, and cannot be terminated either: it waits. */
  async #waitInPool(): Promise<void> {
    const { supervisor } = this.#self;
    this.#inPool = true;
    await this.#arrival.letIn(true);
    supervisor.doing('in the warm pool');
    supervisor.ready();
    this.#sight = { notices: await leaveWarmPool(this.#self, this.#stopped) };
    this.#inPool = false;
  }

  async #untilRetired(): Promise<Retirement> {
    for (;;) {
      this.#stopped.throwIfAborted();
      const decision = this.#decide();
      if (decision.kind === 'stay') {
        this.#holdOrGoOn();
        await this.#wait(decision.againInMs);
        continue;
      }
      const retirement = await this.#carryOut(decision);
      if (retirement) return retirement;
      this.#self.supervisor.doing(this.#doing());
      this.#onRecord = false;
      // The job that came is about to start: until then the instance still looks idle.
      await this.#wait(BACK_MS);
    }
  }

  async #carryOut(decision: Exclude<Decision, { kind: 'stay' }>): Promise<Retirement | undefined> {
    this.#self.supervisor.doing(`retiring (${decision.reason})`);
    const wish = {
      reason: decision.reason,
      ...(this.#broken && { broken: this.#broken }),
      idleSeconds: (this.#idleMs() ?? 0) / 1000,
      isEnding: () => isEnding(this.#sight.notices?.targetState),
      isHeld: () => this.#doing() !== WORKING,
      onRecord: () => {
        this.#arrival.end();
        this.#onRecord = true;
      },
    };
    if (decision.kind === 'leave') {
      const reason = await this.#drained(decision.reason);
      return retireNow(this.#self, { ...wish, reason }, this.#stopped);
    }
    const result = await retireIfIdle(this.#self, wish, this.#stopped);
    if ('retirement' in result) return result.retirement;
    if (result.back === 'refused') this.#refusedAtMs = this.#self.clock.monotonic();
    return undefined;
  }

  /** Drains. A more pressing reason that comes up meanwhile (a Spot interruption) brings the deadline forward. */
  async #drained(first: Reason): Promise<Reason> {
    let reason = first;
    let open = 0;
    const drain = async () => {
      open++;
      const { interruptedAtMs } = this.#sight.notices ?? {};
      await drainFor(this.#self, reason, interruptedAtMs, this.#stopped).catch((error: unknown) =>
        this.#self.log.error({ err: error, reason }, 'draining failed, going all the same'),
      );
      open--;
      this.#bell.ring();
    };
    void drain();
    while (open > 0) {
      await this.#wait();
      this.#stopped.throwIfAborted();
      const decision = this.#decide();
      if (open > 0 && decision.kind === 'leave' && decision.reason !== reason) {
        reason = decision.reason;
        void drain();
      }
    }
    return reason;
  }

  #wait(ms = LONGEST_WAIT_MS): Promise<void> {
    return this.#bell.wait(this.#self.clock, Math.min(ms, LONGEST_WAIT_MS));
  }

  /** Before the first job: in a paused fleet there is to be none. A table that does not tell holds nothing up. */
  async #lookAtPause(): Promise<void> {
    try {
      this.#sight = { ...this.#sight, paused: await isPaused(this.#self) };
    } catch (error) {
      this.#self.log.warn(
        { err: error },
        'cannot see whether the fleet is paused: working as if it were not',
      );
    }
  }

  /**
   * An instance of a paused fleet takes no new job; once the pause is lifted it does again. Likewise one whose workers are
   * refused their role: they would fail, and cost their jobs an attempt.
   */
  #holdOrGoOn(): void {
    const { log, supervisor, work } = this.#self;
    const doing = this.#doing();
    const held = doing !== WORKING;
    if (held === this.#held || this.#broken) return;
    this.#held = held;
    log.info({ doing }, held ? 'no new job is taken' : 'taking jobs');
    supervisor.doing(doing);
    if (held) void work.pause();
    else work.resume();
  }

  #doing(): string {
    if (this.#sight.paused) return 'paused';
    const denied = this.#self.refusals.now['worker-role']?.kind === 'lasting';
    return denied ? 'refused the role of the workers' : WORKING;
  }

  #decide(): Decision {
    return decide(this.#facts(), this.#rules);
  }

  #outlook(): Outlook {
    const { clock, config, work } = this.#self;
    return outlookOf(work.state(), config.concurrency, this.#facts(), this.#rules, clock.now());
  }

  #facts(): InstanceFacts {
    const { clock, config, refusals } = this.#self;
    const monotonic = clock.monotonic();
    const { group, notices = {}, paused = false, drainRequested = false } = this.#sight;
    return {
      ageMs: this.#ageMs(monotonic),
      idleMs: this.#idleMs(),
      bootMs: this.#bootMs,
      broken: this.#broken?.reason,
      refusals: presentRefusals(refusals.now, monotonic, config.retirement.refusalSeconds * 1000),
      received: refusals.received,
      paused,
      drainRequested,
      spotInterruption: notices.interruptedAtMs !== undefined,
      rebalanceRecommended: notices.rebalanceRecommended ?? false,
      targetState: notices.targetState,
      group,
      refusedMs: this.#refusedAtMs === undefined ? undefined : monotonic - this.#refusedAtMs,
    };
  }

  /** Since its launch, which AWS tells. */
  #ageMs(monotonicMs: number): number {
    const { launchedAtMs } = this.#self.identity;
    const sinceStartMs = monotonicMs - this.#startedMs;
    if (launchedAtMs === undefined) return sinceStartMs;
    return Math.max(sinceStartMs, this.#self.clock.now() - launchedAtMs);
  }

  #idleMs(): number | undefined {
    const { running, settling, idleSinceMs } = this.#self.work.state();
    if (running + settling > 0 || idleSinceMs === undefined) return undefined;
    return Math.max(0, this.#self.clock.monotonic() - idleSinceMs);
  }
}

function rulesOf(config: AgentConfig['retirement']): RetirementRules {
  return {
    billing: billingOf(config.billing),
    idleMs: milliseconds(config.idleSeconds),
    paidPeriodMs: config.paidPeriodSeconds * 1000,
    hourMarginMs: config.hourMarginSeconds * 1000,
    maxAgeMs: milliseconds(config.maxAgeSeconds),
  };
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
