import { createHash } from 'node:crypto';
import { createNonce } from '../../jobs/binding.ts';
import { bodyKey } from '../../jobs/body-key.ts';
import { type JobRecord, MAX_KEPT_BODY_BYTES } from '../../jobs/record.ts';
import { requestJobId } from '../../jobs/released.ts';
import type { RequestPolicy } from '../../policy/groups/state.ts';
import { createBodyAttributes } from '../../store/body-in-record.ts';
import { createBodyStore, digestBody } from '../../store/body-store.ts';
import { jobKey } from '../../store/keys.ts';
import { listingSortKey, statePartition } from '../../store/partitions.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import { awsTime, type FleetContext, requireRecords } from '../context.ts';
import { createRequestId } from '../enqueue/ids.ts';
import { RequestConflictError } from '../errors.ts';
import { createGroups } from '../groups/create.ts';
import { createJobIndex } from '../job-records.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import { checkRequest } from './check.ts';
import type { Requested, RequestOptions, RequestTarget, TargetGroup } from './types.ts';

/** Jobs that are written together. */
const BLOCK = 1000;

/**
 * Makes a request: one job for each target. Its jobs are written first, and nothing runs until all of them are.
 *
 * Rejects with `WrongOptionError`, `BadBodyError`, `NotTrackedError` or `GroupFullError` before anything is written, and with
 * `RequestConflictError` if there is another request with this id.
 */
export async function submitRequest(
  context: FleetContext,
  groups: readonly TargetGroup[],
  options: RequestOptions,
  retryOf?: string,
): Promise<Requested> {
  requireRecords(context.facts, 'request');
  const id = options.id ?? createRequestId();
  await checkRequest(context, id, groups, options);
  const header = createHeader(context, id, groups, options, await awsTime(context), retryOf);
  const fleetGroups = createGroups(context);
  const { requests } = fleetGroups;
  const isNew = await requests.create(header);
  const earlier = isNew ? header : ((await findEarlier(context, header)) ?? header);
  if (earlier.state === 'preparing') {
    await writeJobs(context, earlier, groups, options);
    await requests.open(id);
  }
  const opened = await requests.read(id);
  if (opened) await fleetGroups.syncRequest(opened);
  return { id, count: header.count, resumed: !isNew };
}

/** The request that has this id. Rejects with `RequestConflictError` if it asks something else. */
export async function findEarlier(
  context: FleetContext,
  { id, digest }: Pick<RequestRecord, 'id' | 'digest'>,
): Promise<RequestRecord | undefined> {
  const earlier = await createGroups(context).requests.read(id);
  if (earlier && earlier.digest !== digest) throw new RequestConflictError(id);
  return earlier;
}

function createPolicy(context: FleetContext, options: RequestOptions): RequestPolicy {
  const { serial, throttle, maxFail, anyErrorsFatal, keepGoing, pauseAfter, healthy, onFailure } = options;
  const { settleSeconds, stops } = options;
  const checkSeconds = healthy === undefined ? undefined : (options.checkSeconds ?? checkLimit(context));
  return {
    ...(serial && { serial: [...serial] }),
    ...(throttle !== undefined && { throttle }),
    ...(maxFail !== undefined && { maxFail }),
    ...(anyErrorsFatal && { anyErrorsFatal }),
    ...(keepGoing && { keepGoing }),
    ...(pauseAfter !== undefined && { pauseAfter }),
    ...(healthy !== undefined && { healthy }),
    ...(onFailure !== undefined && { rollBack: onFailure }),
    ...(settleSeconds && { settleSeconds }),
    ...(checkSeconds !== undefined && { checkSeconds }),
    ...(stops !== undefined && { stops }),
  };
}

function checkLimit({ facts }: FleetContext): number {
  return facts.groups?.checkLimitSeconds ?? facts.maxLimitSeconds ?? facts.limitSeconds;
}

/** The item of a request whose jobs are not written yet. */
export function createHeader(
  context: FleetContext,
  id: string,
  groups: readonly TargetGroup[],
  options: RequestOptions,
  nowMs: number,
  retryOf?: string,
): RequestRecord {
  const { label, limitSeconds, maxAttempts } = options;
  const policy = createPolicy(context, options);
  const hash = createHash('sha256').update(
    JSON.stringify([policy, label, limitSeconds, maxAttempts, retryOf]),
  );
  for (const { name, size, targets } of groups) {
    hash.update(JSON.stringify([name, size]));
    for (const { target, body, index } of targets) hash.update(JSON.stringify([target, body, index]));
  }
  return {
    id,
    state: 'preparing',
    generation: 0,
    digest: hash.digest('base64url'),
    count: groups.reduce((sum, { targets }) => sum + targets.length, 0),
    groups: groups.map(({ name, size, targets }) => ({ name, size, count: targets.length })),
    policy,
    submittedAt: new Date(nowMs).toISOString(),
    ...(label !== undefined && { label }),
    ...(retryOf !== undefined && { retryOf }),
  };
}

/** A job that is written again is overwritten: none has been released while its request is `preparing`. */
async function writeJobs(
  context: FleetContext,
  request: RequestRecord,
  groups: readonly TargetGroup[],
  options: RequestOptions,
): Promise<void> {
  const { requests } = createGroups(context);
  const { id, count, progress = 0 } = request;
  let written = 0;
  for (const group of groups) {
    for (let first = 0; first < group.targets.length; first += BLOCK) {
      options.signal?.throwIfAborted();
      const block = group.targets.slice(first, first + BLOCK);
      written += block.length;
      if (written <= progress) continue;
      const jobs = block.map((target, offset) =>
        createRequestJob(
          context,
          request,
          { group: group.name, number: first + offset + 1, target },
          options,
        ),
      );
      await putLongBodies(context, jobs, block);
      await createJobIndex(context).createMany(jobs);
      await requests.noteProgress(id, 'preparing', written);
      options.onProgress?.(written, count);
    }
  }
}

async function putLongBodies(
  { clients, facts }: FleetContext,
  jobs: readonly JobRecord[],
  block: readonly RequestTarget[],
): Promise<void> {
  const store = createBodyStore(clients.s3, facts.logBucket);
  const long = jobs.flatMap(({ id, bodyKey: key }, index) => (key === undefined ? [] : [{ id, index }]));
  await mapInParallel(long, ({ id, index }) => store.put(id, block[index]?.body ?? '', true));
}

function createRequestJob(
  { clock }: FleetContext,
  request: RequestRecord,
  { group, number, target }: { group: string; number: number; target: RequestTarget },
  { limitSeconds, maxAttempts = 1 }: RequestOptions,
): JobRecord {
  const id = requestJobId(request.id, group, number);
  const enqueuedAt = new Date(clock.now()).toISOString();
  const isLong = Buffer.byteLength(target.body) > MAX_KEPT_BODY_BYTES;
  return {
    pk: jobKey(id),
    id,
    state: 'held',
    attempts: 0,
    listed: statePartition('held', id),
    listedAt: listingSortKey(enqueuedAt, id),
    enqueuedAt,
    nonce: createNonce(),
    ...createBodyAttributes(target.body),
    ...(isLong && { bodyKey: bodyKey(id), bodyDigest: digestBody(target.body) }),
    group,
    target: target.target,
    requestId: request.id,
    index: target.index,
    count: request.count,
    maxAttempts,
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(request.label !== undefined && { label: request.label }),
  };
}
