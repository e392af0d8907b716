import type { Forecast, Retirement } from '../../jobs/record.ts';
import { resolveBilling } from '../../policy/billing.ts';
import { brokenByRefusals } from '../../policy/broken.ts';
import { currentRefusals, findHoldingRefusal } from '../../policy/refusal.ts';
import {
  type Broken,
  decideRetirement,
  isTerminatingState,
  isWarmPoolState,
  type Reason,
  type RetirementDecision,
  type RetirementFacts,
  type RetirementRules,
} from '../../policy/retirement.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { drainFor } from './drain.ts';
import { isFleetPaused } from './fleet-pause.ts';
import { createForecast } from './forecast.ts';
import type { InstanceContext } from './instance-context.ts';
import { Launch } from './launch.ts';
import { type Observation, startObserving } from './observation.ts';
import { startReporting } from './report.ts';
import { retireIfIdle, retireNow } from './retire.ts';
import { recordRetirement } from './retirement-record.ts';
import { Wakeup } from './wakeup.ts';
import { isInWarmPool, waitInWarmPool } from './warm-pool.ts';

/** The policy decides this often even if nothing happens. */
const MAX_WAIT_MS = 3_600_000;
const BACK_TO_WORK_MS = 1000;
const WORKING = 'working';
const HELD_BACK = {
  'worker-role': 'refused the role of the workers',
  secrets: 'refused the secrets of the workers',
} as const;

/**
 * The state of an instance from its agent's start to its end: in service, retiring, or retired. Whether it works or is idle
 * is the state of the job loop. After each change the policy decides again.
 */
export class InstanceState {
  readonly #self: InstanceContext;
  readonly #stopped: AbortSignal;
  readonly #wakeup = new Wakeup();
  readonly #reportingEnded = new AbortController();
  readonly #rules: RetirementRules;
  readonly #launch: Launch;
  readonly #startMs: number;
  #broken: Broken | undefined;
  #bootMs: number | undefined;
  #refusedAtMs: number | undefined;
  #observation: Observation = {};
  /** No new job is taken: the job loop has not started, the fleet is paused, or AWS refuses the workers' role or secrets. */
  #isHeldBack = true;
  /** The instance waits in its warm pool. `#observation` does not have this: it has no notices yet. */
  #inPool = false;
  /** The retirement is recorded and was not withdrawn. */
  #isRecorded = false;

  constructor(self: InstanceContext, workerMissing: string | undefined, stopped: AbortSignal) {
    this.#self = self;
    if (workerMissing !== undefined) this.#broken = { reason: 'worker-missing', problem: workerMissing };
    this.#stopped = stopped;
    this.#rules = createRules(self.config.retirement);
    this.#launch = new Launch({
      self,
      stopped,
      isBroken: () => this.#broken !== undefined,
      isPaused: () => this.#observation.paused ?? false,
    });
    this.#startMs = self.clock.monotonic();
  }

  /** Resolves when the instance has retired. Rejects if the agent is stopped before. */
  async run(): Promise<Retirement> {
    const observing = new AbortController();
    const ended = AbortSignal.any([observing.signal, this.#stopped]);
    const unlistenToRefusals = this.#self.refusals.onChange(() => this.#onChange());
    await this.#begin();
    const onObservation = (observation: Observation) => {
      this.#observation = { ...this.#observation, ...observation };
      this.#onChange();
    };
    startReporting(this.#self, this.#reportingEnded.signal, () => this.#forecast(), onObservation);
    startObserving(this.#self, ended, onObservation);
    const unlistenToJobs = this.#self.work.onChange(() => this.#wakeup.wake());
    this.#stopped.addEventListener('abort', () => this.#wakeup.wake(), { once: true });
    try {
      return await this.#untilRetired();
    } finally {
      unlistenToJobs();
      unlistenToRefusals();
      this.#launch.end();
      observing.abort();
      if (!this.#stopped.aborted) this.stopReporting();
    }
  }

  /** Stops the reports. Called at the end of the retirement, or after a stop when the jobs have ended. */
  stopReporting(): void {
    this.#reportingEnded.abort();
  }

  /** The first problem is the one that is recorded. */
  markBroken(broken: Broken): void {
    this.#self.log.error(broken, 'this instance is broken');
    this.#broken ??= broken;
    this.#wakeup.wake();
  }

  /** Records that the agent is stopped, unless a retirement is recorded already. */
  async recordStop(signal?: string): Promise<void> {
    if (this.#isRecorded) return;
    const now = new Date(this.#self.clock.now()).toISOString();
    const idleSeconds = (this.#idleMs() ?? 0) / 1000;
    const { jobsDone } = this.#self.work.state();
    const how = { rung: 'power-off', tries: 0, idleSeconds, jobsDone } as const;
    const problem = signal && `it was sent ${signal}`;
    const stop = { reason: 'stopped', decidedAt: now, endedAt: now, ...(problem && { problem }) } as const;
    const retirement = { ...stop, ...how };
    await recordRetirement(this.#self, retirement, 'the agent is stopped', 'instances');
  }

  async #begin(): Promise<void> {
    const { supervisor } = this.#self;
    if (this.#broken) this.markBroken(this.#broken);
    await this.#launch.reportStart();
    if (await isInWarmPool(this.#self)) await this.#waitInPool();
    if (!isTerminatingState(this.#observation.notices?.targetState)) await this.#launch.completeHook(false);
    // "Instance scale-in protection starts when the instance state is InService": a job before that could be cut off.
    await this.#checkPause();
    await this.#self.access?.verify();
    if (!this.#stopped.aborted) this.#pauseOrResume();
    supervisor.setStatus(this.#status());
    supervisor.setReady();
    void this.#becomeReady();
  }

  async #becomeReady(): Promise<void> {
    this.#bootMs = await this.#launch.waitUntilReady();
    this.#wakeup.wake();
  }

  /** In a paused fleet or a warm pool refusals do not matter: no jobs are taken. */
  #checkRefusals(): void {
    const { config, refusals } = this.#self;
    const { paused = false, notices } = this.#observation;
    if (this.#broken || paused || this.#inPool || isWarmPoolState(notices?.targetState)) return;
    const broken = brokenByRefusals(refusals.current, config.retirement.refusalSeconds * 1000);
    if (broken) this.markBroken(broken);
  }

  #onChange(): void {
    this.#checkRefusals();
    this.#launch.recheck();
    this.#wakeup.wake();
  }

  /** In a warm pool an instance takes no jobs and cannot terminate itself. */
  async #waitInPool(): Promise<void> {
    const { supervisor } = this.#self;
    this.#inPool = true;
    await this.#launch.completeHook(true);
    supervisor.setStatus('in the warm pool');
    supervisor.setReady();
    this.#observation = { notices: await waitInWarmPool(this.#self, this.#stopped) };
    this.#inPool = false;
  }

  async #untilRetired(): Promise<Retirement> {
    for (;;) {
      this.#stopped.throwIfAborted();
      const decision = this.#decide();
      if (decision.kind === 'stay') {
        this.#pauseOrResume();
        await this.#wait(decision.againInMs);
        continue;
      }
      const retirement = await this.#carryOut(decision);
      if (retirement) return retirement;
      this.#self.supervisor.setStatus(this.#status());
      this.#isRecorded = false;
      // A job that was found is about to start. Until then the instance still looks idle.
      await this.#wait(BACK_TO_WORK_MS);
    }
  }

  async #carryOut(decision: Exclude<RetirementDecision, { kind: 'stay' }>): Promise<Retirement | undefined> {
    this.#self.supervisor.setStatus(`retiring (${decision.reason})`);
    const request = {
      reason: decision.reason,
      ...(this.#broken && { broken: this.#broken }),
      idleSeconds: (this.#idleMs() ?? 0) / 1000,
      isEnding: () => isTerminatingState(this.#observation.notices?.targetState),
      isHeldBack: () => this.#status() !== WORKING,
      onRecord: () => {
        this.#launch.end();
        this.#isRecorded = true;
      },
    };
    if (decision.kind === 'leave') {
      const reason = await this.#drained(decision.reason);
      return retireNow(this.#self, { ...request, reason }, this.#stopped);
    }
    const result = await retireIfIdle(this.#self, request, this.#stopped);
    if ('retirement' in result) return result.retirement;
    if (result.back === 'refused') this.#refusedAtMs = this.#self.clock.monotonic();
    return undefined;
  }

  /** Drains. A more urgent reason that comes up meanwhile (a Spot interruption) moves the deadline forward. */
  async #drained(first: Reason): Promise<Reason> {
    let reason = first;
    let drains = 0;
    const drain = async () => {
      drains++;
      const { interruptedAtMs } = this.#observation.notices ?? {};
      await drainFor(this.#self, reason, interruptedAtMs, this.#stopped).catch((error: unknown) =>
        this.#self.log.error({ err: error, reason }, 'draining failed: the instance retires anyway'),
      );
      drains--;
      this.#wakeup.wake();
    };
    void drain();
    while (drains > 0) {
      await this.#wait();
      this.#stopped.throwIfAborted();
      const decision = this.#decide();
      if (drains > 0 && decision.kind === 'leave' && decision.reason !== reason) {
        reason = decision.reason;
        void drain();
      }
    }
    return reason;
  }

  #wait(ms = MAX_WAIT_MS): Promise<void> {
    return this.#wakeup.wait(this.#self.clock, Math.min(ms, MAX_WAIT_MS));
  }

  /** Checks before the first job whether the fleet is paused. A table that does not answer delays nothing. */
  async #checkPause(): Promise<void> {
    try {
      this.#observation = { ...this.#observation, paused: await isFleetPaused(this.#self) };
    } catch (error) {
      this.#self.log.warn(
        { err: error },
        'cannot see whether the fleet is paused: jobs are taken as if it were not',
      );
    }
  }

  /**
   * While the fleet is paused, the instance takes no new jobs. The same holds while STS refuses the workers' role, because
   * workers would fail and cost their jobs an attempt, and while the workers' secrets cannot be read.
   */
  #pauseOrResume(): void {
    const { log, supervisor, work } = this.#self;
    const status = this.#status();
    const isHeldBack = status !== WORKING;
    if (isHeldBack === this.#isHeldBack || this.#broken) return;
    this.#isHeldBack = isHeldBack;
    log.info({ status }, isHeldBack ? 'no new jobs are taken' : 'taking jobs');
    supervisor.setStatus(status);
    if (isHeldBack) void work.pause();
    else work.resume();
  }

  #status(): string {
    if (this.#observation.paused) return 'paused';
    const refused = findHoldingRefusal(this.#self.refusals.current);
    return refused === undefined ? WORKING : HELD_BACK[refused];
  }

  #decide(): RetirementDecision {
    return decideRetirement(this.#facts(), this.#rules);
  }

  #forecast(): Forecast {
    const { clock, config, work } = this.#self;
    return createForecast(work.state(), config.concurrency, this.#facts(), this.#rules, clock.now());
  }

  #facts(): RetirementFacts {
    const { clock, config, refusals } = this.#self;
    const monotonic = clock.monotonic();
    const { group, notices = {}, paused = false, drainRequested = false } = this.#observation;
    return {
      ageMs: this.#ageMs(monotonic),
      idleMs: this.#idleMs(),
      bootMs: this.#bootMs,
      broken: this.#broken?.reason,
      refusals: currentRefusals(refusals.current, monotonic, config.retirement.refusalSeconds * 1000),
      received: refusals.hasReceived,
      paused,
      drainRequested,
      spotInterruption: notices.interruptedAtMs !== undefined,
      rebalanceRecommended: notices.rebalanceRecommended ?? false,
      targetState: notices.targetState,
      group,
      refusedMs: this.#refusedAtMs === undefined ? undefined : monotonic - this.#refusedAtMs,
    };
  }

  /** Since its launch, as AWS reports it. */
  #ageMs(monotonicMs: number): number {
    const { launchedAtMs } = this.#self.identity;
    const sinceStartMs = monotonicMs - this.#startMs;
    if (launchedAtMs === undefined) return sinceStartMs;
    return Math.max(sinceStartMs, this.#self.clock.now() - launchedAtMs);
  }

  #idleMs(): number | undefined {
    const { running, settling, idleSinceMs } = this.#self.work.state();
    if (running + settling > 0 || idleSinceMs === undefined) return undefined;
    return Math.max(0, this.#self.clock.monotonic() - idleSinceMs);
  }
}

function createRules(config: AgentConfig['retirement']): RetirementRules {
  return {
    billing: resolveBilling(config.billing),
    idleMs: toMilliseconds(config.idleSeconds),
    paidPeriodMs: config.paidPeriodSeconds * 1000,
    hourMarginMs: config.hourMarginSeconds * 1000,
    maxAgeMs: toMilliseconds(config.maxAgeSeconds),
  };
}

function toMilliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
