import { JobCatalogue } from '../../store/catalogue.ts';
import type { JobRecord } from '../../jobs/record.ts';
import type { FleetContext } from '../context.ts';
import { mayBeUnsent, recordOnce, refuseOtherBody } from './enqueue.ts';
import { explain } from '../explain.ts';
import { type Order, recordOf } from './order.ts';
import { putBody, type Sending, sendAll } from './send.ts';

/** A job of many, with its number in the run. */
export interface Numbered {
  number: number;
  order: Order;
}

/** What came of one job of a block. */
export type Outcome = Numbered & { sending: Sending; deduplicated: boolean };

/**
 * Enqueues the jobs of one block: their records, the bodies that are too long for a message, their messages. Never
 * rejects.
 *
 * @param resumed some of these may have been enqueued before, by a run that broke off
 */
export async function enqueueBlock(
  context: FleetContext,
  jobs: readonly Numbered[],
  resumed: boolean,
): Promise<Outcome[]> {
  const orders = jobs.map(({ order }) => order);
  try {
    const known = context.facts.trackJobs ? await record(context, orders, resumed) : NONE;
    const unsent = orders.filter((order) => !isSettled(known.get(order)));
    await Promise.all(unsent.map((order) => putBody(context, order)));
    const sendings = await sendAll(context, unsent);
    return jobs.map(({ number, order }) => ({
      number,
      order,
      sending: sendings.get(order) ?? known.get(order)?.refused ?? SENT,
      deduplicated: order.deduped && known.has(order),
    }));
  } catch (error) {
    const cause = explain(context.facts, error);
    return jobs.map((job) => ({ ...job, sending: { kind: 'refused', cause }, deduplicated: false }));
  }
}

/** Of jobs that had a record: whether their message was seen already. */
type Known = ReadonlyMap<Order, Earlier>;

interface Earlier {
  seen: boolean;
  /** It has another body. */
  refused?: Sending;
}

function isSettled(earlier: Earlier | undefined): boolean {
  return earlier !== undefined && (earlier.seen || earlier.refused !== undefined);
}

function earlierOf(order: Order, first: JobRecord): Earlier {
  if (!mayBeUnsent(first)) return { seen: true };
  try {
    refuseOtherBody(order, first);
    return { seen: false };
  } catch (cause) {
    return { seen: false, refused: { kind: 'refused', cause } };
  }
}

const NONE: Known = new Map();
const SENT: Sending = { kind: 'sent' };

/** Writes the records of new jobs. What is there already is left as it is, and returned. */
async function record(context: FleetContext, orders: readonly Order[], resumed: boolean): Promise<Known> {
  const { facts, clients, clock } = context;
  const catalogue = new JobCatalogue(clients.dynamodb, facts.table, context);
  const earlier = resumed ? await catalogue.getMany(orders.map(({ id }) => id)) : new Map<string, never>();
  const drawn = orders.filter(({ id, deduped }) => !deduped && !earlier.has(id));
  const known = new Map<Order, Earlier>();
  for (const order of orders) {
    const first = earlier.get(order.id);
    if (!first || order.deduped) continue;
    order.nonce = first.nonce;
    known.set(order, earlierOf(order, first));
  }
  const nowMs = clock.now();
  await Promise.all([
    catalogue.createMany(drawn.map((order) => recordOf(order, context, nowMs))),
    ...orders.map(async (order) => {
      if (!order.deduped) return;
      const first = await recordOnce(context, catalogue, order);
      if (first) known.set(order, earlierOf(order, first));
    }),
  ]);
  return known;
}
