import { createHash, randomUUID } from 'node:crypto';
import { createNonce } from '../../jobs/binding.ts';
import { bodyKey } from '../../jobs/body-key.ts';
import { type JobRecord, MAX_KEPT_BODY_BYTES } from '../../jobs/record.ts';
import { requestJobId } from '../../jobs/released.ts';
import { parseSerial } from '../../policy/groups/batches.ts';
import { parseMaxFail } from '../../policy/groups/failures.ts';
import type { RequestPolicy } from '../../policy/groups/state.ts';
import { createBodyAttributes } from '../../store/body-in-record.ts';
import { createBodyStore, digestBody } from '../../store/body-store.ts';
import { createHeldRecord } from '../../store/held-record.ts';
import { DROPS, type RequestRecord } from '../../store/request-items.ts';
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
/** How long that takes, also if the table throttles or a call times out. */
const LONGEST_BLOCK_MS = 20_000;
const POLL_MS = 1000;

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
  const resumed = await prepare(context, header, groups, options);
  const fleetGroups = createGroups(context);
  const opened = await fleetGroups.requests.read(id);
  if (opened) await fleetGroups.syncRequest(opened);
  return { id, count: header.count, resumed };
}

/** Writes the request and its jobs, and opens it. Returns whether there was such a request before. */
async function prepare(
  context: FleetContext,
  header: RequestRecord,
  groups: readonly TargetGroup[],
  options: RequestOptions,
): Promise<boolean> {
  const { requests } = createGroups(context);
  const { id, writer = '' } = header;
  const isNew = await requests.create(header);
  let own = isNew ? header : await takeOver(context, header, options.signal);
  while (own) {
    const isWritten = await writeJobs(context, own, groups, options, isNew && own === header);
    if (isWritten && (await requests.open(id, writer))) break;
    own = await takeOver(context, header, options.signal);
  }
  return !isNew;
}

/**
 * Goes on with the preparation of a request when its writer has noted no progress for a while. Until then that writer may still
 * write jobs, and would reset those that run if the request was open.
 *
 * @returns undefined: it is prepared
 */
async function takeOver(
  context: FleetContext,
  header: RequestRecord,
  signal: AbortSignal | undefined,
): Promise<RequestRecord | undefined> {
  const { writer = '' } = header;
  const { clock } = context;
  const { requests } = createGroups(context);
  for (;;) {
    const request = await findEarlier(context, header);
    // The keeper has dropped it meanwhile.
    if (!request && (await requests.create(header))) return header;
    if (request && request.state !== 'preparing') return undefined;
    if (request?.writer === writer) return request;
    const own =
      request && isLeft(request, clock.now()) && (await requests.takeOver(request, writer, clock.now()));
    if (own) return own;
    await clock.sleep(POLL_MS, signal);
  }
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
    ...(serial && { serial: parseSerial(serial) }),
    ...(throttle !== undefined && { throttle }),
    ...(maxFail !== undefined && { maxFail: parseMaxFail(maxFail) }),
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
    writer: randomUUID(),
    writtenAt: new Date(nowMs).toISOString(),
    ...(label !== undefined && { label }),
    ...(retryOf !== undefined && { retryOf }),
  };
}

/** The writer of the request has noted no progress for a while. What the keeper drops will be gone. */
function isLeft({ writer, writtenAt = '' }: RequestRecord, nowMs: number): boolean {
  return writer !== DROPS && nowMs - Date.parse(writtenAt) >= LONGEST_BLOCK_MS;
}

/**
 * Writes the jobs that are not written yet.
 *
 * @param isFirst nobody else has written any
 * @returns false: another has taken the writing over
 */
async function writeJobs(
  context: FleetContext,
  request: RequestRecord,
  groups: readonly TargetGroup[],
  options: RequestOptions,
  isFirst: boolean,
): Promise<boolean> {
  const { requests } = createGroups(context);
  const { id, writer = '', count, progress = 0 } = request;
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
      const note = (done: number) => requests.noteWritten(id, writer, done, context.clock.now());
      // Long bodies take long, and another may have taken the writing over.
      if (await putLongBodies(context, jobs, block)) {
        if (!(await note(written - block.length))) return false;
      }
      await createJobs(context, jobs, isFirst);
      if (!(await note(written))) return false;
      options.onProgress?.(written, count);
    }
  }
  return true;
}

/** A job that was written before may have been cancelled since, so it is left as it is. */
async function createJobs(
  context: FleetContext,
  jobs: readonly JobRecord[],
  isFirst: boolean,
): Promise<void> {
  const index = createJobIndex(context);
  const known = isFirst ? new Map() : await index.getMany(jobs.map(({ id }) => id));
  await index.createMany(jobs.filter(({ id }) => !known.has(id)));
}

/** Returns whether there are any. */
async function putLongBodies(
  { clients, facts }: FleetContext,
  jobs: readonly JobRecord[],
  block: readonly RequestTarget[],
): Promise<boolean> {
  const store = createBodyStore(clients.s3, facts.logBucket);
  const long = jobs.flatMap(({ id, bodyKey: key }, index) => (key === undefined ? [] : [{ id, index }]));
  await mapInParallel(long, ({ id, index }) => store.put(id, block[index]?.body ?? '', true));
  return long.length > 0;
}

function createRequestJob(
  { clock }: FleetContext,
  request: RequestRecord,
  { group, number, target }: { group: string; number: number; target: RequestTarget },
  { limitSeconds, maxAttempts = 1 }: RequestOptions,
): JobRecord {
  const id = requestJobId(request.id, group, number);
  const isLong = Buffer.byteLength(target.body) > MAX_KEPT_BODY_BYTES;
  return {
    ...createHeldRecord(id, clock.now()),
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
