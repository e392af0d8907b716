import { isStructure, optionalText, structures, text } from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input } from '../../front-door/service.ts';
import type { Dynalite } from './engine.ts';

/** How long DynamoDB takes to fill the new index of a small table. */
const BACKFILL_MS = 60_000;
/** "BatchWriteItem" */
const LARGEST_WRITE = 25;

/** Creates and deletes indexes of existing tables. */
export interface Indexes {
  /** dynalite, for all calls but those below. Calls wait while a table is rewritten. */
  dynalite: Dynalite;
  /** Creates or deletes the one index that UpdateTable names. Rejects with `AwsError`, and then nothing has changed. */
  update(TableName: string, input: Input): Promise<void>;
  /** A table's description, with the indexes in progress. */
  describe(table: Input): Input;
  /** @throws `ResourceInUseException` while an index is being created or deleted: the table cannot be deleted then */
  requireIdle(TableName: string): void;
}

/**
 * Indexes of existing tables. dynalite cannot add or remove them, so the table is rewritten while all other calls wait.
 * A new index can be read when the time that DynamoDB takes to fill it has passed on the cloud's clock. Until then the
 * table can be used and the index deleted, but neither the table nor another index can be changed ("Managing Global
 * Secondary Indexes in DynamoDB").
 */
export function createIndexes({ clock }: CloudContext, engine: Dynalite): Indexes {
  const { shared, exclusively } = createTableLock(engine);
  const creating = new Map<string, { index: Input; cancel: () => void }>();
  /** Tables with an update in progress. */
  const changing = new Set<string>();

  /** Creates a table with the new definition, so that dynalite refuses a wrong one before any data is lost. */
  const checkDefinition = (definition: Input) =>
    exclusively(async (dynalite) => {
      const TableName = `${String(definition['TableName'])}.new`.slice(-255);
      await dynalite('CreateTable', { ...definition, TableName });
      await dynalite('DeleteTable', { TableName });
    });

  const add = async (TableName: string, index: Input, attributes: Input[]) => {
    const definition = withIndex(await readDefinition(shared, TableName), index, attributes);
    const other = findMismatch(await readItems(shared, TableName), index, definition);
    if (other !== undefined) {
      const message = `The embedded cloud cannot leave an item out of an index: ${other} has another type than that of the key.`;
      throw new AwsError('ValidationException', message);
    }
    await checkDefinition(definition);
    const cancel = clock.after(BACKFILL_MS, () =>
      exclusively(async (dynalite) => {
        if (creating.get(TableName)?.index !== index) return;
        const defined = withIndex(await readDefinition(dynalite, TableName), index, attributes);
        // An item of another type was written meanwhile. The index is never filled then, so that no item is lost.
        if (findMismatch(await readItems(dynalite, TableName), index, defined) !== undefined) return;
        await rewriteTable(dynalite, defined);
        creating.delete(TableName);
      }),
    );
    creating.set(TableName, { index, cancel });
  };
  const isCreating = (TableName: string, name: unknown): boolean => {
    const made = creating.get(TableName);
    return made !== undefined && made.index['IndexName'] === name;
  };

  const remove = async (TableName: string, name: string) => {
    if (isCreating(TableName, name)) {
      creating.get(TableName)?.cancel();
      creating.delete(TableName);
      return;
    }
    const definition = withoutIndex(await readDefinition(shared, TableName), name);
    await exclusively((dynalite) => rewriteTable(dynalite, definition));
  };

  return {
    async dynalite(action, input) {
      if (isCreating(String(input['TableName']), input['IndexName'])) {
        const message = `Cannot read from backfilling global secondary index: ${input['IndexName']}`;
        throw new AwsError('ValidationException', message);
      }
      return shared(action, input);
    },
    async update(TableName, input) {
      const updates = structures(input, 'GlobalSecondaryIndexUpdates');
      const changes = updates.filter((update) => update['Update'] === undefined);
      const [change, another] = changes;
      const deleted = isStructure(change?.['Delete']) ? change['Delete']['IndexName'] : undefined;
      const isBusy = changing.has(TableName) || (creating.has(TableName) && !isCreating(TableName, deleted));
      if (!change || another || updates.length > changes.length || isBusy) {
        const message =
          'Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table';
        throw new AwsError('LimitExceededException', message);
      }
      const { Create, Delete } = change;
      changing.add(TableName);
      try {
        if (isStructure(Create)) await add(TableName, Create, structures(input, 'AttributeDefinitions'));
        else if (isStructure(Delete)) await remove(TableName, text(Delete, 'IndexName'));
      } finally {
        changing.delete(TableName);
      }
    },
    describe(table) {
      const made = creating.get(String(table['TableName']));
      if (!made) return table;
      const index = { ...made.index, IndexStatus: 'CREATING', Backfilling: true };
      return { ...table, GlobalSecondaryIndexes: [...indexesOf(table), index] };
    },
    requireIdle(TableName) {
      if (!creating.has(TableName) && !changing.has(TableName)) return;
      const message = `Attempt to change a resource which is still in use: an index of table ${TableName} is being created or deleted.`;
      throw new AwsError('ResourceInUseException', message);
    },
  };
}

/** Calls run in parallel, but none runs during a task that needs the tables exclusively. */
function createTableLock(engine: Dynalite) {
  const running = new Set<Promise<unknown>>();
  let lastTask: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const shared: Dynalite = async (action, input) => {
    while (waiting > 0) await lastTask;
    const call = engine(action, input);
    running.add(call);
    return call.finally(() => running.delete(call));
  };
  const exclusively = <T>(task: (dynalite: Dynalite) => Promise<T>): Promise<T> => {
    waiting += 1;
    const before = lastTask;
    const done = (async () => {
      await before;
      await Promise.allSettled(running);
      return task(engine);
    })();
    const isOver = () => {
      waiting -= 1;
    };
    lastTask = done.then(isOver, isOver);
    return done;
  };
  return { shared, exclusively };
}

const indexesOf = (table: Input): Input[] => (table['GlobalSecondaryIndexes'] ?? []) as Input[];

/** The input of CreateTable that makes the table as it is. */
async function readDefinition(dynalite: Dynalite, TableName: string): Promise<Input> {
  const { Table } = await dynalite('DescribeTable', { TableName });
  const table = Table as Input;
  const mode = isStructure(table['BillingModeSummary']) ? table['BillingModeSummary'] : {};
  const billing = optionalText(mode, 'BillingMode') ?? 'PROVISIONED';
  const throughput = (one: Input) =>
    billing === 'PROVISIONED' ? { ProvisionedThroughput: unitsOf(one) } : {};
  const keys = ({ IndexName, KeySchema, Projection }: Input) => ({ IndexName, KeySchema, Projection });
  const local = (table['LocalSecondaryIndexes'] ?? []) as Input[];
  return {
    TableName,
    AttributeDefinitions: table['AttributeDefinitions'],
    KeySchema: table['KeySchema'],
    BillingMode: billing,
    ...throughput(table),
    ...(local.length > 0 && { LocalSecondaryIndexes: local.map(keys) }),
    ...withIndexes(indexesOf(table).map((index) => ({ ...keys(index), ...throughput(index) }))),
  };
}

function unitsOf({ ProvisionedThroughput: units }: Input): Input {
  const { ReadCapacityUnits, WriteCapacityUnits } = isStructure(units) ? units : {};
  return { ReadCapacityUnits, WriteCapacityUnits };
}

/** CreateTable refuses an empty list. */
const withIndexes = (indexes: Input[]) => (indexes.length > 0 ? { GlobalSecondaryIndexes: indexes } : {});

function withIndex(table: Input, index: Input, attributes: Input[]): Input {
  if (indexesOf(table).some(({ IndexName }) => IndexName === index['IndexName'])) {
    throw new AwsError('ValidationException', 'Attempting to create an index which already exists');
  }
  return withAttributes({ ...table, ...withIndexes([...indexesOf(table), index]) }, attributes);
}

function withoutIndex(table: Input, name: string): Input {
  const { GlobalSecondaryIndexes: _, ...rest } = table;
  const left = indexesOf(table).filter(({ IndexName }) => IndexName !== name);
  if (left.length === indexesOf(table).length) {
    throw new AwsError('ResourceNotFoundException', 'Requested resource not found');
  }
  return withAttributes({ ...rest, ...withIndexes(left) }, []);
}

/** Defines the attributes that are part of a key, and no others. */
function withAttributes(table: Input, more: Input[]): Input {
  const indexes = [...indexesOf(table), ...((table['LocalSecondaryIndexes'] ?? []) as Input[])];
  const keys = [table, ...indexes].flatMap((one) => structures(one, 'KeySchema'));
  const names = new Set(keys.map(({ AttributeName }) => AttributeName));
  const known = new Map(
    [...structures(table, 'AttributeDefinitions'), ...more].map((one) => [one['AttributeName'], one]),
  );
  return {
    ...table,
    AttributeDefinitions: [...known.values()].filter((one) => names.has(one['AttributeName'])),
  };
}

/**
 * The attribute whose type in an item differs from that of the index's key, if any. DynamoDB leaves such items out of
 * the index; dynalite refuses them in a table with that index.
 */
function findMismatch(items: Input[], index: Input, definition: Input): string | undefined {
  const keys = new Set(structures(index, 'KeySchema').map(({ AttributeName }) => AttributeName));
  const types = structures(definition, 'AttributeDefinitions').filter((one) =>
    keys.has(one['AttributeName']),
  );
  const found = types.find(({ AttributeName, AttributeType }) =>
    items.some((item) => {
      const value = item[String(AttributeName)];
      return isStructure(value) && !(String(AttributeType) in value);
    }),
  );
  return found && String(found['AttributeName']);
}

/** Rewrites the table with the new definition and its present items. */
async function rewriteTable(dynalite: Dynalite, definition: Input): Promise<void> {
  const TableName = String(definition['TableName']);
  const items = await readItems(dynalite, TableName);
  await dynalite('DeleteTable', { TableName });
  await dynalite('CreateTable', definition);
  for (let from = 0; from < items.length; from += LARGEST_WRITE) {
    const puts = items.slice(from, from + LARGEST_WRITE).map((Item) => ({ PutRequest: { Item } }));
    await dynalite('BatchWriteItem', { RequestItems: { [TableName]: puts } });
  }
}

async function readItems(dynalite: Dynalite, TableName: string): Promise<Input[]> {
  const items: Input[] = [];
  for (let start: unknown; ; ) {
    const page = await dynalite('Scan', { TableName, ...(start ? { ExclusiveStartKey: start } : {}) });
    items.push(...(page['Items'] as Input[]));
    start = page['LastEvaluatedKey'];
    if (!start) return items;
  }
}
