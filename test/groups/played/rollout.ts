import { appendFileSync, readFileSync } from 'node:fs';
import { judge } from '../../../checker/judge.ts';
import { formatVerdict } from '../../../checker/report.ts';
import { parseWitness, type WitnessLine } from '../../../checker/witness.ts';
import type { RequestOptions, TargetGroup } from '../../../client/requests/types.ts';
import { type JobRecord, TERMINAL_STATES } from '../../../jobs/record.ts';
import type { GroupState } from '../../../policy/groups/state.ts';
import type { RequestRecord } from '../../../store/request-items.ts';
import { planCheck, planWorker, SUCCEEDS } from './chaos.ts';
import { createGroupedFacts, readItems } from './facts.ts';
import { PlayedFleet } from './fleet.ts';
import { Guard } from './guard.ts';
import { heal } from './heal.ts';
import { createRandom, type Random } from './random.ts';
import type { Order } from './scenario.ts';
import * as orders from './scenario.ts';
import type { Seats } from './seats.ts';
import type { Work, WorkerPlan } from './worker.ts';

const GROUPS = Array.from({ length: 20 }, (_, number) => `shop/g${number + 1}`);
/** Servers of a group. The first two belong to the next group as well. */
const SERVERS = 8;
const SECONDS = 900;

export interface Rollout {
  jobs: number;
  runs: number;
  /** What was wrong: nothing. */
  violations: string[];
  states: Record<string, number>;
}

/**
 * Over 500 jobs in 20 groups, in a fleet in which workers fail, hang and die, instances are lost, networks are down, calls fail, and
 * people cancel, pause, resume and set lanes. Then all goes well until all is done. The workers append to a file what they do.
 */
export async function playRollout(seats: Seats, seed: number, file: string): Promise<Rollout> {
  const random = createRandom(seed);
  const trouble = new Trouble(seats, random, file);
  await trouble.play();
  const { fleet, guard } = trouble;
  const witness = parseWitness(readFileSync(file, 'utf8'));
  const facts = createGroupedFacts(readItems(fleet.table), guard.lanes, witness);
  const verdict = judge(facts);
  const records = [...fleet.table.readAll<JobRecord>('job#').values()];
  return {
    jobs: records.filter(({ stageOf }) => stageOf === undefined).length,
    runs: fleet.workers.length,
    violations: [...guard.faults, ...fleet.mistakes, ...(verdict.ok ? [] : [formatVerdict(verdict)])],
    states: countStates(records),
  };
}

class Trouble {
  readonly fleet: PlayedFleet;
  readonly guard: Guard;
  readonly #random: Random;
  readonly #orders: Order[] = [];
  readonly #raw: object[] = [];
  readonly #requests: string[] = [];
  /** Requests whose targets are checked. */
  readonly #checked = new Set<string>();
  #isCalm = false;

  constructor(seats: Seats, random: Random, file: string) {
    this.#random = random;
    this.fleet = new PlayedFleet({
      ...{ seats, random, concurrency: 8 },
      plan: (work) => this.#plan(work),
      witness: (line: WitnessLine) => appendFileSync(file, `${JSON.stringify(line)}\n`),
    });
    this.guard = new Guard(this.fleet);
    this.#createOrders();
  }

  async play(): Promise<void> {
    for (let agent = 0; agent < 4; agent += 1) this.fleet.startAgent();
    for (let second = 0; second < SECONDS; second += 1) await this.#playSecond(second);
    this.#isCalm = true;
    while (this.#raw.length > 0) this.fleet.sendRaw(this.#raw.pop() ?? {});
    await heal(this.fleet, this.#orders);
  }

  #plan({ stage, request = '', target = '' }: Work): WorkerPlan {
    const isAtWork = [...this.fleet.remotes].some((one) => one.target === target);
    if (stage === 'check') {
      return this.#isCalm
        ? { ...SUCCEEDS, end: { kind: 'exited', status: isAtWork ? 1 : 0, stopped: false } }
        : planCheck(this.#random, isAtWork);
    }
    if (this.#isCalm) return SUCCEEDS;
    const plan = planWorker(this.#random);
    // Only a check waits for what a job has left.
    if (stage !== 'job' || !this.#checked.has(request)) return plan;
    const remoteMs = this.#random.whole(1, 60) * 1000;
    const exitsAfterIt = plan.end.kind === 'exited' && Number.isFinite(plan.ms);
    return { ...plan, remoteMs: exitsAfterIt ? Math.min(remoteMs, plan.ms) : remoteMs };
  }

  #createOrders(): void {
    const random = this.#random;
    for (const group of GROUPS)
      if (random.chance(0.6)) this.#orders.push(orders.setLanes(group, random.whole(1, 4)));
    for (let made = 1; made <= 14; made += 1) {
      const id = `req-${made}`;
      const options = pickPolicy(random);
      if (options.healthy !== undefined) this.#checked.add(id);
      this.#requests.push(id);
      this.#orders.push(
        orders.request(pickTargets(random, random.chance(0.5) ? `-${id}` : ''), { id, ...options }),
      );
    }
    for (let made = 1; made <= 140; made += 1)
      this.#orders.push(orders.plainJob(...this.#pickPlace(), `plain-${made}`));
    for (let made = 1; made <= 30; made += 1) {
      const [group, target] = this.#pickPlace();
      this.#raw.push({ mayfly: 1, payload: 'x', group, ...(target !== undefined && { target }) });
    }
  }

  #pickPlace(): [group: string, target: string | undefined] {
    const group = this.#random.pick(GROUPS);
    return [group, this.#random.chance(0.7) ? this.#random.pick(serversOf(group)) : undefined];
  }

  async #playSecond(second: number): Promise<void> {
    const random = this.#random;
    const { fleet } = this;
    for (let answered = 0; answered < 400 && fleet.calls > 0; answered += 1) {
      const manner = random.chance(0.01) ? random.pick(['lost', 'refused'] as const) : 'well';
      await fleet.answer(random.whole(0, fleet.calls - 1), manner);
      if (random.chance(0.002)) this.#crashOperation();
    }
    for (const agent of fleet.agents) if (random.chance(0.7)) await fleet.deliver(agent);
    for (const order of this.#orders.slice(0, Math.ceil(second / 2))) orders.pursue(fleet, order);
    if (random.chance(0.05) && this.#raw.length > 0) fleet.sendRaw(this.#raw.pop() ?? {});
    if (random.chance(0.05)) fleet.queue.redeliver(random.whole(0, 99));
    if (second % 60 === 59) for (let keepers = random.whole(1, 2); keepers > 0; keepers -= 1) fleet.keep();
    this.#breakAgents();
    if (random.chance(0.15)) this.#interfere();
    if (second % 30 === 29) this.#resumeSome();
    await fleet.wait(1);
  }

  /** One that runs an operation of an operator or the keeper is gone. */
  #crashOperation(): void {
    const running = this.fleet.runningOperations;
    if (running.length > 0)
      this.fleet.crash(this.#random.pick(running).actor, () => this.#random.chance(0.5));
  }

  #breakAgents(): void {
    const random = this.#random;
    for (const agent of this.fleet.agents.filter(({ gone }) => !gone)) {
      if (random.chance(agent.cutOff ? 0.03 : 0.005)) agent.cutOff = !agent.cutOff;
      if (!random.chance(0.002)) continue;
      this.fleet.crash(agent, () => random.chance(0.5));
      this.fleet.startAgent();
    }
  }

  /** People do things. */
  #interfere(): void {
    const { fleet } = this;
    const random = this.#random;
    const group = random.pick(GROUPS);
    const id = random.pick(this.#requests);
    const live = [...fleet.table.readAll<JobRecord>('job#')].filter(
      ([, { state }]) => !TERMINAL_STATES.has(state),
    );
    const order = random.pick([
      () => orders.setLanes(group, random.whole(1, 5)),
      () => orders.setLanes(group, 1),
      () => orders.changeGroup('pause', group),
      () => orders.changeRequest('pause', id),
      () => orders.changeRequest('resume', id),
      () => orders.changeRequest(random.chance(0.1) ? 'cancel' : 'resume', id, random.chance(0.5)),
      () => (live.length > 0 ? orders.cancelJob(random.pick(live)[0]) : orders.changeRequest('resume', id)),
    ])();
    order.run(fleet);
  }

  /** People resume half of what waits for them. They look at a target before they free its lane. */
  #resumeSome(): void {
    const { fleet } = this;
    const random = this.#random;
    const isHalted = ({ state }: { state: string }) => state === 'stopped' || state === 'paused';
    const groups = [...fleet.table.readAll<GroupState>('group#')];
    const requests = [...fleet.table.readAll<RequestRecord>('request#')].filter(([, one]) => isHalted(one));
    const halted = groups.flatMap(([, { requests: own }]) => own.filter(isHalted).map(({ id }) => id));
    for (const id of new Set([...requests.map(([name]) => name), ...halted]))
      if (random.chance(0.5)) orders.changeRequest('resume', id).run(fleet);
    for (const [name, { pausedAtMs, out }] of groups) {
      if (pausedAtMs !== undefined && orders.mayResume(fleet, name) && random.chance(0.5))
        orders.changeGroup('resume', name).run(fleet);
      for (const [id, { stage }] of Object.entries(out)) {
        const isAtWork = [...fleet.remotes].some(({ job }) => job === id);
        if (stage === 'unhealthy' && !isAtWork && random.chance(0.5)) orders.freeLane(id).run(fleet);
      }
    }
  }
}

/** The servers of a group. Its first two are the last two of the group before. */
function serversOf(group: string): string[] {
  const first = GROUPS.indexOf(group) * (SERVERS - 2);
  return Array.from({ length: SERVERS }, (_, number) => `s${first + number + 1}`);
}

/** @param own what the names of targets that no other job has end with */
function pickTargets(random: Random, own: string): TargetGroup[] {
  const first = random.whole(0, GROUPS.length - 1);
  let index = 0;
  // Every other group, because a request has a target once.
  return [0, 2, 4, 6].map((offset) => {
    const name = GROUPS[(first + offset) % GROUPS.length] ?? '';
    const servers = serversOf(name).slice(0, random.whole(5, SERVERS));
    const targets = servers.map((target) => ({ target: `${target}${own}`, body: 'x', index: ++index }));
    return { name, size: SERVERS, targets };
  });
}

function pickPolicy(random: Random): RequestOptions {
  return {
    ...(random.chance(0.4) && {
      serial: random.pick([[1], [2], [1, 2], ['50%' as const], [1, '30%' as const]]),
    }),
    ...(random.chance(0.2) && { throttle: random.whole(1, 2) }),
    ...random.pick([
      {},
      { keepGoing: true },
      { maxFail: 1 },
      { maxFail: '40%' as const },
      { anyErrorsFatal: true },
    ]),
    ...(random.chance(0.1) && { pauseAfter: 1 }),
    ...(random.chance(0.3) && { stops: 'group' as const }),
    ...(random.chance(0.3) && { maxAttempts: 2 }),
    ...(random.chance(0.5) && { healthy: 'healthy', checkSeconds: 120, settleSeconds: random.whole(0, 5) }),
    ...(random.chance(0.4) && { onFailure: 'rollBack' }),
  };
}

function countStates(records: readonly JobRecord[]): Record<string, number> {
  const states: Record<string, number> = {};
  for (const { state } of records) states[state] = (states[state] ?? 0) + 1;
  return states;
}
