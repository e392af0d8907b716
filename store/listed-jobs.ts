import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { runInBatches } from './batches.ts';
import { readIndexPages } from './index-pages.ts';
import { toItem } from './item.ts';
import { jobIdIn } from './keys.ts';
import { KEY_ATTRIBUTE, STATE_INDEX } from './table-schema.ts';

/** A range of one partition of the index. */
export interface Partition {
  listed: string;
  /** Jobs enqueued at `since` or later, and before `before`. ISO 8601. */
  since?: string | undefined;
  before?: string | undefined;
  /** Only jobs with a group. */
  grouped?: true | undefined;
}

/** Attributes of a job in the index that are no key. DynamoDB reads all entries and leaves out those that do not match. */
export interface EntryFilter {
  label?: string | undefined;
  group?: string | undefined;
  requestId?: string | undefined;
  instance?: string | undefined;
}

interface Reading {
  filter: EntryFilter;
  /** Entries that a call reads, at most. */
  pageSize: number;
  /** Called once, when a partition has more than its first page. */
  onMore?: (() => void) | undefined;
}

/** Partitions that are read at the same time. */
const AT_ONCE = 16;
/** Lower and upper bound of all times: ISO 8601 sorts as text. A `listedAt` is greater than its time alone. */
const EARLIEST = '0';
const LATEST = '~';

/**
 * The ids of the jobs in these partitions, the newest first. The index is eventually consistent. Throws `IndexNotReadyError`.
 */
export async function* readListedJobs(
  client: DynamoDBClient,
  table: string,
  partitions: readonly Partition[],
  reading: Reading,
): AsyncGenerator<string> {
  let told = false;
  const onMore = () => {
    if (!told) reading.onMore?.();
    told = true;
  };
  const cursors = partitions.map((partition) => new Cursor(client, table, partition, { ...reading, onMore }));
  await runInBatches(cursors, 1, ([cursor]) => cursor?.fill() ?? Promise.resolve(), AT_ONCE);
  for (;;) {
    const newest = cursors.reduce<Cursor | undefined>(
      (best, one) => (isNewer(one, best) ? one : best),
      undefined,
    );
    const entry = newest?.take();
    if (!newest || !entry) return;
    yield entry.id;
    await newest.fill();
  }
}

const isNewer = (one: Cursor, other: Cursor | undefined) =>
  one.head !== undefined && (other?.head === undefined || one.head.listedAt > other.head.listedAt);

interface Entry {
  id: string;
  listedAt: string;
}

/** Reads one partition, the newest entry first. */
class Cursor {
  readonly #pages: ReturnType<typeof readIndexPages>;
  readonly #onMore: (() => void) | undefined;
  #entries: Entry[] = [];
  #pagesRead = 0;
  #isRead = false;

  constructor(
    client: DynamoDBClient,
    table: string,
    partition: Partition,
    { filter, pageSize, onMore }: Reading,
  ) {
    const query = { ...queryOf(partition, filter), Limit: pageSize };
    this.#pages = readIndexPages(client, { TableName: table, IndexName: STATE_INDEX.name, ...query });
    this.#onMore = onMore;
  }

  get head(): Entry | undefined {
    return this.#entries[0];
  }

  take(): Entry | undefined {
    return this.#entries.shift();
  }

  /** Reads pages until there is an entry or no further page. */
  async fill(): Promise<void> {
    while (!this.#isRead && !this.head) {
      if (this.#pagesRead > 0) this.#onMore?.();
      const { value, done } = await this.#pages.next();
      this.#pagesRead += 1;
      if (!done) this.#entries = value.items.map(entryOf);
      this.#isRead = done || value.isLast;
    }
  }
}

function entryOf(item: Record<string, AttributeValue>): Entry {
  const key = item[KEY_ATTRIBUTE]?.S ?? '';
  return { id: jobIdIn(key), listedAt: item[STATE_INDEX.sortKey]?.S ?? '' };
}

function queryOf({ listed, since = EARLIEST, before = LATEST, grouped }: Partition, filter: EntryFilter) {
  const { label, group, requestId, instance } = filter;
  const conditions: string[] = [];
  // See labelOf.
  if (label !== undefined)
    conditions.push('(#label = :label OR attribute_not_exists(#label) AND #group = :label)');
  if (group !== undefined) conditions.push('#group = :group');
  if (grouped) conditions.push('attribute_exists(#group)');
  if (requestId !== undefined) conditions.push('#requestId = :requestId');
  if (instance !== undefined) conditions.push('#instance = :instance');
  const FilterExpression = conditions.join(' AND ');
  const names = FilterExpression.match(/#\w+/g) ?? [];
  const asked = { ':label': label, ':group': group, ':requestId': requestId, ':instance': instance };
  return {
    KeyConditionExpression: 'listed = :listed AND listedAt BETWEEN :since AND :before',
    ExpressionAttributeValues: toItem({ ':listed': listed, ':since': since, ':before': before, ...asked }),
    ScanIndexForward: false,
    ...(FilterExpression && {
      FilterExpression,
      ExpressionAttributeNames: Object.fromEntries(names.map((name) => [name, name.slice(1)])),
    }),
  };
}
