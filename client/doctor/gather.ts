import { DescribeTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { readFleetState } from '../../store/fleet-state.ts';
import { instanceStore } from '../../store/instances.ts';
import { instanceLogPrefix, savedLogIn } from '../../store/log-layout.ts';
import { LISTING_INDEX, STATE_INDEX } from '../../store/table-schema.ts';
import type { FleetContext } from '../context.ts';
import { FleetError, NoCredentials, Unreachable } from '../errors.ts';
import { type About, explain } from '../explain.ts';
import { lookAtInstances } from '../instances/instances.ts';
import { type ActivityLook, lookAtActivities, lookAtGroup, lookAtPool } from '../instances/group-look.ts';
import type { InstanceSeen } from '../instances/instances-view.ts';
import type { Boot, Facts, QueueSeen, TableSeen } from './facts.ts';
import { type Looked, seenOf } from './finding.ts';
import { lookAtAlarms, lookAtHooks, lookAtPolicies } from './gather-deployed.ts';
import { lookAtLocal } from './gather-local.ts';
import { lookAtNetwork } from './gather-network.ts';
import { lookAtQueue, sampleOf } from './gather-queues.ts';
import { lookForStranded } from './gather-stranded.ts';

/** Number of launches that are read. The boot breaker opens after three failures in a row. */
const LAST_BOOTS = 5;

/**
 * Reads the state of all resources of a fleet, with about twenty calls in parallel. A resource that cannot be read is a
 * result too. Rejects with `NoCredentialsError` or `UnreachableError` if that is the reason for all of them.
 */
export async function gather(context: FleetContext): Promise<Facts> {
  const { facts: fleet, clients } = context;
  const { deadLetterQueueUrl } = fleet;
  const look = <T>(task: () => Promise<T>) => looked(fleet, task);
  const [queue, deadLetters, table, logBucket, group, activities, deployed, state, living, pool] =
    await Promise.all([
      look(() => lookAtQueue(context, fleet.queueUrl)),
      deadLetterQueueUrl === undefined
        ? undefined
        : looked({ ...fleet, queueUrl: deadLetterQueueUrl }, () =>
            lookAtDeadLetters(context, deadLetterQueueUrl),
          ),
      look(() => lookAtTable(context)),
      look(() => lookAtBucket(context)),
      look(() => lookAtGroup(context)),
      look(() => lookAtActivities(context)),
      lookAtDeployed(context),
      look(() => readFleetState(clients.dynamodb, fleet.table)),
      look(() => instanceStore(clients.dynamodb, fleet.table, fleet.recordSeconds).living()),
      look(() => lookAtPool(context)),
    ]);
  refuseIfBlind([queue, table, logBucket, group]);
  const launched = seenOf(activities) ?? { launches: [], ends: [] };
  const members = [...(seenOf(group)?.members ?? []), ...(seenOf(pool) ?? [])];
  const records = seenOf(living) ?? [];
  const subnets = seenOf(group)?.subnets ?? [];
  const [network, instances, boots, localInstances, stranded] = await Promise.all([
    subnets.length === 0 ? undefined : look(() => lookAtNetwork(context, subnets)),
    living.unseen
      ? living
      : look<InstanceSeen[]>(() => lookAtInstances(context, members, records, launched)),
    look(() => lookAtBoots(context, launched.launches)),
    lookAtLocal(context),
    look(() => lookForStranded(context, seenOf(queue))),
  ]);
  const seen = { queue, deadLetters, table, logBucket, group, pool, network, activities, ...deployed, state };
  return { fleet, nowMs: context.clock.now(), ...seen, instances, boots, localInstances, stranded };
}

async function lookAtDeployed(context: FleetContext): Promise<Pick<Facts, 'policies' | 'hooks' | 'alarms'>> {
  const [policies, hooks, alarms] = await Promise.all([
    looked(context.facts, () => lookAtPolicies(context)),
    looked(context.facts, () => lookAtHooks(context)),
    looked(context.facts, () => lookAtAlarms(context)),
  ]);
  return { policies, hooks, alarms };
}

async function looked<T>(about: About, task: () => Promise<T>): Promise<Looked<T>> {
  try {
    return { seen: await task() };
  } catch (error) {
    const explained = explain(about, error);
    if (explained instanceof FleetError) return { unseen: explained };
    throw explained;
  }
}

/** Without credentials, or without a connection to AWS, one error replaces all findings. */
function refuseIfBlind(all: readonly Looked<unknown>[]): void {
  const errors = all.flatMap(({ unseen }) => unseen ?? []);
  const [first] = errors;
  const refused = errors.find((error) => error instanceof NoCredentials);
  if (refused) throw refused;
  const unreachable = errors.every((error) => error instanceof Unreachable);
  if (first && errors.length === all.length && unreachable) throw first;
}

/** The count is a result even if the credentials must not receive messages. */
async function lookAtDeadLetters(context: FleetContext, queueUrl: string): Promise<QueueSeen> {
  const queue = await lookAtQueue(context, queueUrl);
  if (queue.visible === 0) return queue;
  const sample = await looked({ ...context.facts, queueUrl }, () => sampleOf(context, queueUrl));
  if (sample.unseen) return { ...queue, unread: sample.unseen.message };
  return { ...queue, ...(sample.seen && { sample: sample.seen }) };
}

async function lookAtTable(context: FleetContext): Promise<TableSeen> {
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
  launches: ActivityLook['launches'],
): Promise<Boot[]> {
  const store = instanceStore(clients.dynamodb, facts.table, facts.recordSeconds);
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
  return savedLogIn(Contents.map(({ Key = '' }) => Key));
}
