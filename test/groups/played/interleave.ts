import type { Clock } from '../../../aws/clock.ts';
import { Groups } from '../../../groups/groups.ts';
import type { GroupLimits } from '../../../policy/groups/state.ts';
import type { Call } from '../../jobs/lifecycle/calls.ts';
import { MemoryTable } from '../../support/memory-table.ts';
import { Guard } from './guard.ts';
import type { Random } from './random.ts';
import type { Seats } from './seats.ts';

/** Nothing waits: who has to try again does so at once. */
function stoppedAt(nowMs: number): Clock {
  return {
    now: () => nowMs,
    machineNow: () => nowMs,
    errorMs: () => 0,
    monotonic: () => 0,
    sleep: () => Promise.resolve(),
  };
}

const [BEFORE, LATER] = [stoppedAt(1_800_000_000_000), stoppedAt(1_800_000_060_000)];

const LIMITS: GroupLimits = { lanes: 1, maxLanes: 100 };

/** A message of a release that was sent. */
export interface Sent {
  job: string;
  release: number;
}

/** Those who act at the same time, a table of their own, and the messages that they have sent. */
export interface Scene {
  table: MemoryTable;
  sent: Sent[];
  guard: Guard;
}

export type Act = (groups: Groups) => Promise<unknown>;

/** What has happened a minute before. */
export interface Earlier {
  /** Is done. */
  done: Act;
  /** Was cut off after a number of its calls. */
  cutOff?: { act: Act; after: number };
}

/**
 * Plays all orders in which the calls of several actors can reach the table and the queue. Two calls that have nothing in common are
 * played in one order only (sleep sets: Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems").
 *
 * @param acts what is done at the same time
 * @param check called in the end of each order. Returns what is wrong
 * @returns the number of orders
 */
export async function playAllOrders(
  seats: Seats,
  earlier: Earlier,
  acts: readonly Act[],
  check: (scene: Scene) => string[],
): Promise<number> {
  const before = await playEarlier(seats, earlier);
  const stack: Choice[] = [];
  let orders = 0;
  do {
    await play(seats, before, acts, stack, {
      check: (scene) => {
        orders += 1;
        return [...scene.guard.faults, ...check(scene)];
      },
    });
  } while (goBack(stack));
  return orders;
}

/** The same in some of these orders, which are chosen at random. */
export async function playSomeOrders(
  seats: Seats,
  earlier: Earlier,
  acts: readonly Act[],
  check: (scene: Scene) => string[],
  { count, random }: { count: number; random: Random },
): Promise<void> {
  const before = await playEarlier(seats, earlier);
  for (let order = 0; order < count; order += 1) {
    await play(seats, before, acts, [], {
      check: (scene) => [...scene.guard.faults, ...check(scene)],
      choose: (waiting) => ({ waiting: [...waiting], asleep: [], chosen: random.pick(waiting) }),
    });
  }
}

async function playEarlier(seats: Seats, { done, cutOff }: Earlier): Promise<Scene> {
  const before = await play(seats, undefined, [done], [], { clock: BEFORE });
  return cutOff ? play(seats, before, [cutOff.act], [], { clock: BEFORE, calls: cutOff.after }) : before;
}

interface Waiting {
  /** The actor, and which of its calls it is. */
  id: string;
  call: Call;
}

/** A point in an order at which several calls wait. */
interface Choice {
  waiting: readonly Waiting[];
  /** Calls that need not be played here: orders that begin with them are played. */
  asleep: Waiting[];
  chosen: Waiting;
}

interface How {
  check?: (scene: Scene) => string[];
  choose?: (waiting: readonly Waiting[], last: Choice | undefined) => Choice | undefined;
  clock?: Clock;
  /** Calls that are answered. No actor hears of any other. Default: all. */
  calls?: number;
}

/** Plays one order: the choices of the stack, and then new ones. */
async function play(
  seats: Seats,
  before: Scene | undefined,
  acts: readonly Act[],
  stack: Choice[],
  { check = () => [], choose = chooseFirst, clock = LATER, calls = Number.POSITIVE_INFINITY }: How,
): Promise<Scene> {
  const waiting: Waiting[] = [];
  const scene = createScene(before);
  seats.begin();
  const done = acts.map((act, actor) => act(createGroups(seats, scene, clock, `${actor}`, waiting)));
  const failed = Promise.all(done).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  for (let depth = 0; ; depth += 1) {
    await settled();
    if (waiting.length === 0) break;
    const choice = stack[depth] ?? choose(waiting, stack.at(-1));
    if (!choice || depth >= calls) return scene;
    stack[depth] = choice;
    const index = waiting.findIndex(({ id }) => id === choice.chosen.id);
    const [one] = waiting.splice(index, 1);
    if (!one || index < 0) throw new Error(`the call ${choice.chosen.id} does not come again`);
    await one.call.come('well');
  }
  const failure = await failed;
  if (failure) throw new Error(describe(stack), { cause: failure.error });
  const faults = check(scene);
  if (faults.length > 0) throw new Error(`${faults.join('; ')}\n${describe(stack)}`);
  return scene;
}

function createScene(before: Scene | undefined): Scene {
  const table = new MemoryTable();
  for (const [key, item] of before?.table.items ?? []) table.items.set(key, item);
  const guard = new Guard({ table, clock: LATER, runningWorkers: [], onStart: () => undefined });
  return { table, guard, sent: [...(before?.sent ?? [])] };
}

function createGroups(
  seats: Seats,
  { table, sent }: Scene,
  clock: Clock,
  actor: string,
  waiting: Waiting[],
): Groups {
  const seat = seats.take();
  let made = 0;
  seat.instead = {
    dynamodb: (action, input) => table.answer(action, input),
    sqs: async (_, input) => {
      sent.push(toSent(input));
      return {};
    },
  };
  seat.exchange = (call) => {
    made += 1;
    waiting.push({ id: `${actor}.${made}`, call });
  };
  return new Groups({
    clients: seat.clients,
    ...{ table: 'jobs', queueUrl: 'queue', recordSeconds: 60, limits: LIMITS },
    ...{ clock, random: () => 0.5 },
  });
}

function toSent({ MessageBody, MessageAttributes }: Record<string, unknown>): Sent {
  const { MayflyRelease } = MessageAttributes as Record<string, { StringValue: string }>;
  const { id } = JSON.parse(String(MessageBody)) as { id: string };
  return { job: id, release: Number(MayflyRelease?.StringValue) };
}

/** Undefined: all calls are asleep, so that this order was played already. */
function chooseFirst(waiting: readonly Waiting[], last: Choice | undefined): Choice | undefined {
  const asleep = last ? last.asleep.filter((one) => !haveInCommon(one.call, last.chosen.call)) : [];
  const chosen = waiting.find(({ id }) => !asleep.some((one) => one.id === id));
  return chosen && { waiting: [...waiting], asleep, chosen };
}

/** Goes back to the last choice that has another call. False: there is none. */
function goBack(stack: Choice[]): boolean {
  for (;;) {
    const choice = stack.pop();
    if (!choice) return false;
    const asleep = [...choice.asleep, choice.chosen];
    const chosen = choice.waiting.find(({ id }) => !asleep.some((one) => one.id === id));
    if (!chosen) continue;
    stack.push({ ...choice, asleep, chosen });
    return true;
  }
}

const READS: ReadonlySet<string> = new Set(['GetItemCommand', 'BatchGetItemCommand', 'QueryCommand']);

/** Whether the order of two calls matters: they have an item in common, and one of them writes it. */
function haveInCommon(one: Call, other: Call): boolean {
  if (READS.has(one.action) && READS.has(other.action)) return false;
  const [keys, others] = [keysOf(one), keysOf(other)];
  if (keys === 'all' || others === 'all') return true;
  return keys.some((key) => others.includes(key));
}

/** The items that a call reads or writes. A message is nobody else's. */
function keysOf({ action, input }: Call): string[] | 'all' {
  const item = (input['Key'] ?? input['Item']) as { pk?: { S: string } } | undefined;
  if (item?.pk) return [item.pk.S];
  return action === 'SendMessageCommand' ? [] : 'all';
}

/** The order, for a person: each call with the actor that made it. */
function describe(stack: readonly Choice[]): string {
  return stack
    .map(({ chosen: { id, call } }) => {
      const keys = keysOf(call);
      return `${id} ${call.action.replace('Command', '')} ${keys === 'all' ? '' : keys.join()}`;
    })
    .join('\n');
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
