import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchEnd } from '../../../policy/groups/batches.ts';
import { endStage, freeLane, freeTarget, type JobResult, recallJob } from '../../../policy/groups/lane.ts';
import { addPlain } from '../../../policy/groups/plain.ts';
import { lanesOf, releaseJobs } from '../../../policy/groups/release.ts';
import {
  addRequest,
  applyRequestState,
  finishedRequests,
  removeRequest,
} from '../../../policy/groups/requests.ts';
import {
  emptyGroup,
  findRequest,
  type GroupState,
  type OutJob,
  outOf,
  type RequestPolicy,
  type RequestState,
} from '../../../policy/groups/state.ts';

const LIMITS = { lanes: 1, maxLanes: 100 };
const idOf = (request: string, _group: string, number: number) => `${request}/${number}`;
const stageId = (id: string, stage: string) => `${id}:${stage}`;

const policies: fc.Arbitrary<RequestPolicy> = fc.record(
  {
    serial: fc.array(
      fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom('30%' as const, '0%' as const)),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    throttle: fc.integer({ min: 1, max: 3 }),
    maxFail: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('30%' as const, '100%' as const)),
    keepGoing: fc.constant(true),
    pauseAfter: fc.integer({ min: 1, max: 2 }),
    healthy: fc.constant('healthy'),
    rollBack: fc.constant('rollBack'),
  },
  { requiredKeys: [] },
);

const results: fc.Arbitrary<JobResult> = fc.record({
  state: fc.constantFrom('succeeded', 'succeeded', 'succeeded', 'failed', 'timed_out', 'lost', 'cancelled'),
  hasRun: fc.constantFrom(true, true, true, false),
});

type Event =
  | { do: 'request'; count: number; policy: RequestPolicy }
  | { do: 'plain'; target: string | undefined }
  | { do: 'end'; pick: number; result: JobResult }
  | { do: 'recall'; pick: number; busy: boolean }
  | { do: 'free-target' }
  | { do: 'lanes'; lanes: number }
  | { do: 'pause'; on: boolean }
  | { do: 'state'; pick: number; state: Exclude<RequestState, 'stopped'> };

const events: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      count: fc.integer({ min: 1, max: 9 }),
      policy: policies,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('plain' as const), target: fc.constantFrom('a', 'b', undefined) }),
  },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('end' as const), pick: fc.nat(), result: results }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('recall' as const), pick: fc.nat(), busy: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'free-target' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('lanes' as const), lanes: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), on: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('state' as const),
      pick: fc.nat(),
      state: fc.constantFrom('open' as const, 'open' as const, 'paused' as const, 'cancelled' as const),
    }),
  },
);

/** The group, and what a witness saw of it. */
class World {
  group: GroupState = emptyGroup('g');
  nowMs = 0;
  #made = 0;
  readonly counts = new Map<string, number>();
  readonly ended = new Map<string, string>();
  readonly recalled = new Set<string>();
  generation = 1;

  play(event: Event): void {
    this.nowMs += 1;
    const before = this.group;
    const changed = this.#change(event);
    const { group, releases } = releaseJobs(changed, LIMITS, this.nowMs, idOf);
    for (const { id, job } of releases) this.#checkRelease(changed, id, job);
    this.group = group;
    this.#checkGroup(before);
    for (const { id } of finishedRequests(group)) this.group = removeRequest(this.group, id);
  }

  #change(event: Event): GroupState {
    const { group, nowMs } = this;
    switch (event.do) {
      case 'request': {
        const id = `r${++this.#made}`;
        this.counts.set(id, event.count);
        const { count, policy } = event;
        const state = 'open' as const;
        return addRequest(group, {
          id,
          index: 0,
          count,
          policy,
          submittedAtMs: nowMs,
          generation: 1,
          state,
          reason: undefined,
          size: 10,
        });
      }
      case 'plain':
        return addPlain(group, [{ id: `p${++this.#made}`, target: event.target }]);
      case 'end':
        return this.#end(event.pick, event.result);
      case 'recall':
        return this.#recall(event.pick, event.busy);
      case 'free-target':
        return freeTarget(group);
      case 'lanes':
        return { ...group, lanes: event.lanes };
      case 'pause': {
        const { pausedAtMs: _, ...goesOn } = group;
        return event.on ? { ...group, pausedAtMs: nowMs } : goesOn;
      }
      case 'state': {
        const one = group.requests[event.pick % Math.max(1, group.requests.length)];
        if (!one) return group;
        return applyRequestState(group, one.id, { state: event.state, generation: ++this.generation }, nowMs);
      }
    }
  }

  #end(pick: number, result: JobResult): GroupState {
    const { group, nowMs } = this;
    const out = Object.entries(group.out);
    const [id, job] = out[pick % Math.max(1, out.length)] ?? [];
    if (id === undefined || !job) return group;
    if (job.stage === 'unhealthy') return freeLane(group, id, nowMs);
    const ended = job.job ?? id;
    const change = endStage(group, { id, ended, result }, nowMs, stageId);
    if (!change) throw new Error(`${id} is out and its end is not taken`);
    if (job.stage === 'job') this.ended.set(id, result.state);
    // The same end once more changes nothing.
    expect(endStage(change.group, { id, ended, result }, nowMs, stageId)).toBeUndefined();
    return change.group;
  }

  #recall(pick: number, busy: boolean): GroupState {
    const out = Object.entries(this.group.out).filter(([, { stage }]) => stage === 'job');
    const [id] = out[pick % Math.max(1, out.length)] ?? [];
    if (id === undefined) return this.group;
    this.recalled.add(id);
    return recallJob(this.group, id, busy ? 'somewhere' : undefined);
  }

  #checkRelease(before: GroupState, id: string, job: OutJob): void {
    expect(this.ended.has(id), `${id} was released after its end`).toBe(false);
    expect(before.out).not.toHaveProperty([id]);
    expect(before.stopped ?? before.pausedAtMs).toBeUndefined();
    const request = findRequest(before, job.request);
    if (!request) return;
    expect(request.state).toBe('open');
    // Order: nothing that was never recalled is left behind.
    for (let number = request.batchStart; number < job.number; number += 1) {
      const earlier = idOf(request.id, 'g', number);
      const isKnown = this.ended.has(earlier) || earlier in this.group.out || this.recalled.has(earlier);
      const isReleased = isKnown || number >= request.next;
      expect(isReleased, `${id} passed ${earlier}`).toBe(true);
    }
    // Batches: all of the batch before has ended.
    const { policy, count, batchStart, batch } = request;
    expect(job.number).toBeLessThanOrEqual(batchEnd(count, policy.serial ?? [], batchStart - 1, batch));
    for (const [, other] of outOf(before, request.id))
      expect(other.number).toBeGreaterThanOrEqual(batchStart);
  }

  #checkGroup(before: GroupState): void {
    const { group } = this;
    const lanes = lanesOf(group, LIMITS);
    const out = Object.keys(group.out);
    const isNew = out.some((id) => !(id in before.out));
    if (isNew) expect(out.length).toBeLessThanOrEqual(lanes);
    for (const request of group.requests) {
      const { throttle } = request.policy;
      const own = outOf(group, request.id).length;
      if (throttle !== undefined) expect(own).toBeLessThanOrEqual(throttle);
      const waiting = Object.keys(request.waiting).length;
      const ended = request.succeeded + request.failed + request.cancelled;
      const inStage = outOf(group, request.id).filter(([, { stage }]) => stage === 'job').length;
      const count = this.counts.get(request.id) ?? 0;
      // Every job is held, waits, is out or has ended, and nothing is counted twice.
      if (request.state !== 'cancelled')
        expect(count - request.next + 1 + waiting + inStage + ended).toBe(count);
    }
    const targets = Object.values(group.out).flatMap(({ target }) => target ?? []);
    expect(new Set(targets).size).toBe(targets.length);
    // Nothing that could run waits: a second decision finds nothing.
    expect(releaseJobs(group, LIMITS, this.nowMs, idOf).releases).toEqual([]);
  }

  /** Everything ends well from here on, and people resume what waits for them. */
  finish(): void {
    for (let steps = 0; steps < 2000; steps += 1) {
      const { out, requests, plain } = this.group;
      if (Object.keys(out).length + requests.length + plain.jobs.length === 0) return;
      this.play({ do: 'pause', on: false });
      this.play({ do: 'free-target' });
      requests.forEach((request, pick) => {
        if (request.state !== 'open') this.play({ do: 'state', pick, state: 'open' });
      });
      this.play({ do: 'end', pick: 0, result: { state: 'succeeded', hasRun: true } });
    }
    throw new Error(`it does not end: ${JSON.stringify(this.group)}`);
  }
}

test('a group keeps its lanes, batches, windows and order, wakes what may run, and ends', () => {
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60 }), (played) => {
      const world = new World();
      for (const event of played) world.play(event);
      world.finish();
      for (const [request, count] of world.counts) {
        const ended = [...world.ended.keys()].filter((id) => id.startsWith(`${request}/`));
        expect(ended.length).toBeLessThanOrEqual(count);
      }
    }),
    { numRuns: 2000 },
  );
});

test('requests take turns, so that one job is not behind the thousand of another', () => {
  const add = (group: GroupState, id: string, count: number) =>
    addRequest(group, {
      id,
      index: 0,
      count,
      policy: {},
      submittedAtMs: 0,
      generation: 1,
      state: 'open',
      reason: undefined,
      size: 10,
    });
  let group = addPlain(add(add(emptyGroup('g'), 'big', 1000), 'small', 2), [{ id: 'p1' }, { id: 'p2' }]);
  const order: string[] = [];
  for (let step = 0; step < 8; step += 1) {
    const decided = releaseJobs(group, LIMITS, step, idOf);
    const [{ id } = { id: '' }] = decided.releases;
    order.push(id);
    const result: JobResult = { state: 'succeeded', hasRun: true };
    group = endStage(decided.group, { id, ended: id, result }, step, stageId)?.group ?? decided.group;
  }
  expect(order).toEqual(['big/1', 'small/1', 'p1', 'big/2', 'small/2', 'p2', 'big/3', 'big/4']);
});
