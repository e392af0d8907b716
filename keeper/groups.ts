import { GroupContendedError } from '../groups/group-writer.ts';
import { Groups } from '../groups/groups.ts';
import { repairGroup, repairTargets } from '../groups/repair.ts';
import { keepRequest } from '../groups/upkeep.ts';
import { messageOf } from '../lib/error-message.ts';
import { countHeld, type GroupState } from '../policy/groups/state.ts';
import { runInBatches } from '../store/batches.ts';
import { readFleetState } from '../store/fleet-state.ts';
import { IndexNotReadyError } from '../store/index-pages.ts';
import { type GroupCounts, reportGroups } from './group-metrics.ts';
import type { KeeperContext } from './keeper-context.ts';

/** What one run may spend on groups and on requests. The next run goes on. */
const BUDGET_MS = 20_000;

/** Groups that are repaired at the same time. */
const AT_ONCE = 8;

/**
 * Repairs the busy groups, goes on with the requests that others have left, and reports the groups' metrics.
 *
 * Throws an `AggregateError` at the end if something could not be kept.
 */
export async function keepGroups(context: KeeperContext): Promise<void> {
  const { clients, config, clock } = context;
  const { table, queueUrl, recordSeconds, lanes, maxLanes } = config;
  const limits = { lanes, maxLanes };
  const groups = new Groups({ clients, table, queueUrl, recordSeconds, limits, clock, random: Math.random });
  const run = new Run(context, groups);
  try {
    const states = await run.repairGroups();
    await run.repairTargets(states);
    await run.keepRequests(states);
    if (run.isComplete) await run.report(states);
  } catch (error) {
    // While DynamoDB fills the index nobody knows which groups are busy.
    if (!(error instanceof IndexNotReadyError)) throw error;
    context.log.warn({ err: error }, 'the groups cannot be read yet');
  }
  run.end();
}

class Run {
  readonly #context: KeeperContext;
  readonly #groups: Groups;
  readonly #deadlineMs: number;
  readonly #failures: unknown[] = [];
  /** Whether there was time for everything. */
  isComplete = true;

  constructor(context: KeeperContext, groups: Groups) {
    this.#context = context;
    this.#groups = groups;
    this.#deadlineMs = context.clock.monotonic() + BUDGET_MS;
  }

  async repairGroups(): Promise<GroupState[]> {
    const { config } = this.#context;
    const names: string[] = [];
    for await (const name of this.#groups.items.busyNames()) names.push(name);
    const states: GroupState[] = [];
    await runInBatches(
      this.#rotated(names),
      1,
      ([name = '']) =>
        this.#attempt(name, async () => {
          states.push(await repairGroup(this.#groups, name, config.retentionSeconds * 1000));
        }),
      AT_ONCE,
    );
    return states;
  }

  async repairTargets(states: readonly GroupState[]): Promise<void> {
    await this.#attempt('targets', () => repairTargets(this.#groups, states));
  }

  async keepRequests(states: readonly GroupState[]): Promise<void> {
    const ids: string[] = [];
    for await (const id of this.#groups.requests.ids('live')) ids.push(id);
    const requests = await this.#groups.requests.readMany(ids);
    const mayGoOn = () => this.#hasTime();
    await runInBatches(
      this.#rotated(requests),
      1,
      async ([request]) => {
        if (!request) return;
        await this.#attempt(request.id, () => keepRequest(this.#groups, request, states, mayGoOn));
      },
      AT_ONCE,
    );
  }

  async report(states: readonly GroupState[]): Promise<void> {
    const { clients, config, clock } = this.#context;
    await this.#attempt('metrics', async () => {
      const state = await readFleetState(clients.dynamodb, config.table);
      await reportGroups(this.#context, countGroups(states, clock.now()), state);
    });
  }

  end(): void {
    if (this.#failures.length === 0) return;
    throw new AggregateError(
      this.#failures,
      `cannot keep groups: ${this.#failures.map((error) => messageOf(error)).join('; ')}`,
    );
  }

  /** Each run begins with others, so that in the end there is time for all. */
  #rotated<Item>(items: readonly Item[]): Item[] {
    const minute = Math.floor(this.#context.nowMs / 60_000);
    const first = items.length === 0 ? 0 : (minute * AT_ONCE) % items.length;
    return [...items.slice(first), ...items.slice(0, first)];
  }

  #hasTime(): boolean {
    const hasTime = this.#context.clock.monotonic() <= this.#deadlineMs;
    if (!hasTime) this.isComplete = false;
    return hasTime;
  }

  async #attempt(what: string, task: () => Promise<void>): Promise<void> {
    if (!this.#hasTime()) return;
    try {
      await task();
    } catch (err) {
      this.#context.log.error({ err, what }, 'a group could not be kept');
      // Those who contend for the group keep it.
      if (!(err instanceof GroupContendedError)) this.#failures.push(err);
    }
  }
}

function countGroups(states: readonly GroupState[], nowMs: number): GroupCounts {
  const requests = states.flatMap((state) => state.requests);
  const held = states.reduce((sum, state) => sum + countHeld(state), 0);
  const since = requests.map(({ submittedAtMs }) => submittedAtMs);
  const plainSince = states.flatMap(({ plain }) => plain.jobs.flatMap(({ sinceMs }) => sinceMs ?? []));
  const oldestMs = Math.min(nowMs, ...since, ...plainSince);
  const isHalted = ({ state }: { state: string }) => state === 'stopped' || state === 'paused';
  const halted = new Set(requests.filter(isHalted).map(({ id }) => id));
  const stopped = states.filter((state) => state.stopped !== undefined).length + halted.size;
  return { held, oldestHeldSeconds: held === 0 ? 0 : Math.round((nowMs - oldestMs) / 1000), stopped };
}
