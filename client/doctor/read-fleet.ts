import { DescribeTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { findSavedLog, instanceLogPrefix } from '../../store/bucket-keys.ts';
import { readFleetState } from '../../store/fleet-state.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { LISTING_INDEX, STATE_INDEX } from '../../store/table-schema.ts';
import type { FleetContext } from '../context.ts';
import { FleetError, NoCredentialsError, UnreachableError } from '../errors.ts';
import { type CallTarget, explainError } from '../explain.ts';
import { readInstances } from '../instances/describe.ts';
import { type GroupActivities, readActivities, readGroup, readWarmPool } from '../instances/group-state.ts';
import type { InstanceFacts } from '../instances/instance-view.ts';
import type { Boot, CheckInput, QueueState, TableState } from './check-input.ts';
import { type ReadResult, readValue } from './finding.ts';
import { readAlarms, readHooks, readPolicies } from './read-deployed.ts';
import { readJobGroups } from './read-job-groups.ts';
import { readLocalInstances } from './read-local.ts';
import { readNetwork } from './read-network.ts';
import { findOrphanedJobs } from './read-orphaned-jobs.ts';
import { readQueue, readSample } from './read-queues.ts';

/** Number of launches that are read. The boot breaker opens after three failures in a row. */
const LAST_BOOTS = 5;

/**
 * Reads the state of all resources of a fleet, with about twenty calls in parallel. A resource that cannot be read is a
 * result too. Rejects with `NoCredentialsError` or `UnreachableError` if that is the reason for all of them.
 */
export async function readCheckInput(context: FleetContext): Promise<CheckInput> {
  const { facts: fleet, clients } = context;
  const { deadLetterQueueUrl } = fleet;
  const look = <T>(task: () => Promise<T>) => looked(fleet, task);
  const [queue, deadLetters, table, logBucket, group, activities, deployed, state, living, pool] =
    await Promise.all([
      look(() => readQueue(context, fleet.queueUrl)),
      deadLetterQueueUrl === undefined
        ? undefined
        : looked({ ...fleet, queueUrl: deadLetterQueueUrl }, () =>
            lookAtDeadLetters(context, deadLetterQueueUrl),
          ),
      look(() => lookAtTable(context)),
      look(() => lookAtBucket(context)),
      look(() => readGroup(context)),
      look(() => readActivities(context)),
      lookAtDeployed(context),
      look(() => readFleetState(clients.dynamodb, fleet.table)),
      look(() => createInstanceStore(clients.dynamodb, fleet.table, fleet.recordSeconds).listLive()),
      look(() => readWarmPool(context)),
    ]);
  refuseIfBlind([queue, table, logBucket, group]);
  const launched = readValue(activities) ?? { launches: [], terminations: [] };
  const members = [...(readValue(group)?.members ?? []), ...(readValue(pool) ?? [])];
  const records = readValue(living) ?? [];
  const subnets = readValue(group)?.subnets ?? [];
  const [network, instances, boots, localInstances, orphaned, jobGroups] = await Promise.all([
    subnets.length === 0 ? undefined : look(() => readNetwork(context, subnets)),
    living.error ? living : look<InstanceFacts[]>(() => readInstances(context, members, records, launched)),
    look(() => lookAtBoots(context, launched.launches)),
    readLocalInstances(context),
    look(() => findOrphanedJobs(context, readValue(queue))),
    look(() => readJobGroups(context)),
  ]);
  const seen = { queue, deadLetters, table, logBucket, group, pool, network, activities, ...deployed, state };
  return {
    fleet,
    nowMs: context.clock.now(),
    ...seen,
    instances,
    boots,
    localInstances,
    orphaned,
    jobGroups,
  };
}

async function lookAtDeployed(
  context: FleetContext,
): Promise<Pick<CheckInput, 'policies' | 'hooks' | 'alarms'>> {
  const [policies, hooks, alarms] = await Promise.all([
    looked(context.facts, () => readPolicies(context)),
    looked(context.facts, () => readHooks(context)),
    looked(context.facts, () => readAlarms(context)),
  ]);
  return { policies, hooks, alarms };
}

async function looked<T>(about: CallTarget, task: () => Promise<T>): Promise<ReadResult<T>> {
  try {
    return { value: await task() };
  } catch (error) {
    const explained = explainError(about, error);
    if (explained instanceof FleetError) return { error: explained };
    throw explained;
  }
}

/** Without credentials, or without a connection to AWS, one error replaces all findings. */
function refuseIfBlind(all: readonly ReadResult<unknown>[]): void {
  const errors = all.flatMap(({ error }) => error ?? []);
  const [first] = errors;
  const refused = errors.find((error) => error instanceof NoCredentialsError);
  if (refused) throw refused;
  const unreachable = errors.every((error) => error instanceof UnreachableError);
  if (first && errors.length === all.length && unreachable) throw first;
}

/** The count is a result even if the credentials must not receive messages. */
async function lookAtDeadLetters(context: FleetContext, queueUrl: string): Promise<QueueState> {
  const queue = await readQueue(context, queueUrl);
  if (queue.visible === 0) return queue;
  const sample = await looked({ ...context.facts, queueUrl }, () => readSample(context, queueUrl));
  if (sample.error) return { ...queue, sampleProblem: sample.error.message };
  return { ...queue, ...(sample.value && { sample: sample.value }) };
}

async function lookAtTable(context: FleetContext): Promise<TableState> {
  const { clients, facts } = context;
  const [{ Table }, expiresBy] = await Promise.all([
    clients.dynamodb.send(new DescribeTableCommand({ TableName: facts.table })),
    looked(facts, () => lookAtExpiry(context)),
  ]);
  const statusOf = (name: string) => {
    const index = Table?.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === name);
    return index && (index.IndexStatus ?? 'unknown');
  };
  return {
    status: Table?.TableStatus ?? 'unknown',
    indexStatus: statusOf(STATE_INDEX.name),
    olderIndexStatus: statusOf(LISTING_INDEX.name),
    expiresBy,
  };
}

async function lookAtExpiry({ clients, facts }: FleetContext): Promise<string | undefined> {
  const { TimeToLiveDescription } = await clients.dynamodb.send(
    new DescribeTimeToLiveCommand({ TableName: facts.table }),
  );
  const { TimeToLiveStatus = '', AttributeName } = TimeToLiveDescription ?? {};
  return TimeToLiveStatus.startsWith('ENABL') ? AttributeName : undefined;
}

/** Lists instead of HEAD, because an error of HEAD has no message. */
async function lookAtBucket({ clients, facts }: FleetContext): Promise<true> {
  await clients.s3.send(new ListObjectsV2Command({ Bucket: facts.logBucket, MaxKeys: 1 }));
  return true;
}

async function lookAtBoots(
  { clients, facts }: FleetContext,
  launches: GroupActivities['launches'],
): Promise<Boot[]> {
  const store = createInstanceStore(clients.dynamodb, facts.table, facts.recordSeconds);
  const last = launches.slice(0, LAST_BOOTS);
  const records = await store.find(last.map(({ instance }) => instance));
  return Promise.all(
    last.map(async ({ instance, startedAtMs }) => {
      const record = records.get(instance);
      const lives = record !== undefined && record.retirement === undefined;
      const savedLog = lives ? undefined : await savedLogOf({ clients, facts }, instance);
      return { instance, launchedAtMs: startedAtMs, record, ...(savedLog && { savedLog }) };
    }),
  );
}

/** Errors are ignored, because the bucket is checked by itself. */
async function savedLogOf(
  { clients, facts }: Pick<FleetContext, 'clients' | 'facts'>,
  instance: string,
): Promise<Boot['savedLog']> {
  const scope = { Bucket: facts.logBucket, Prefix: instanceLogPrefix(instance) };
  const { Contents = [] } = await clients.s3
    .send(new ListObjectsV2Command(scope))
    .catch((): { Contents?: { Key?: string }[] } => ({}));
  return findSavedLog(Contents.map(({ Key = '' }) => Key));
}
