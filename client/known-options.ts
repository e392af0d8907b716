import type { ListDeadLettersOptions, PurgeOptions, RedriveOptions } from './dead-letters/options.ts';
import type { EnqueueManyOptions, JobOptions, NewJob } from './enqueue/options.ts';
import { WrongOptionError } from './errors.ts';
import type { FindOptions } from './find/find.ts';
import type { GroupSettings } from './groups/options.ts';
import type { DescribeOptions } from './instances/describe.ts';
import type { DrainOptions } from './instances/drain.ts';
import type { CancelOptions } from './jobs/cancel.ts';
import type { CleanupEndedOptions, CleanupOptions } from './jobs/cleanup.ts';
import type { ListOptions } from './jobs/list.ts';
import type { RetryOptions } from './jobs/retry.ts';
import type { StatusOptions } from './jobs/status.ts';
import type { WaitOptions } from './jobs/wait.ts';
import type { LogOptions } from './logs/logs.ts';
import type {
  CancelRequestOptions,
  ListRequestsOptions,
  RequestOptions,
  RetryRequestOptions,
  WaitRequestOptions,
} from './requests/types.ts';

/** A missing option does not compile. */
type Keys<Options> = Record<keyof Options, true>;

const JOB = {
  limitSeconds: true,
  delaySeconds: true,
  dedupe: true,
  label: true,
  requestId: true,
  group: true,
  target: true,
} as const;
const CHOSEN = { ids: true, reason: true, all: true } as const;

/** The options of each method, by the method's name in messages. */
const KNOWN = {
  'Fleet.find': {
    stack: true,
    fleet: true,
    outputs: true,
    region: true,
    queueUrl: true,
    table: true,
    logBucket: true,
    group: true,
    deadLetterQueueUrl: true,
  } satisfies Keys<FindOptions>,
  enqueue: JOB satisfies Keys<JobOptions>,
  'enqueueMany (of a job)': { body: true, ...JOB } satisfies Keys<NewJob>,
  enqueueMany: {
    seed: true,
    skip: true,
    jobKey: true,
    resumed: true,
    onSent: true,
    signal: true,
    keepIds: true,
  } satisfies Keys<EnqueueManyOptions>,
  status: { waitsFor: true, stages: true, body: true } satisfies Keys<StatusOptions>,
  wait: {
    timeoutSeconds: true,
    pollSeconds: true,
    signal: true,
    onProgress: true,
  } satisfies Keys<WaitOptions>,
  list: {
    states: true,
    label: true,
    group: true,
    requestId: true,
    instance: true,
    since: true,
    limit: true,
    onNotice: true,
  } satisfies Keys<ListOptions>,
  logs: { follow: true, stream: true, try: true, signal: true } satisfies Keys<LogOptions>,
  cancel: { wait: true, timeoutSeconds: true, signal: true } satisfies Keys<CancelOptions>,
  retry: { once: true } satisfies Keys<RetryOptions>,
  cleanup: { force: true, dryRun: true, timeoutSeconds: true, signal: true } satisfies Keys<CleanupOptions>,
  cleanupEnded: {
    before: true,
    dryRun: true,
    signal: true,
    onRemoved: true,
  } satisfies Keys<CleanupEndedOptions>,
  drain: { wait: true, timeoutSeconds: true, signal: true } satisfies Keys<DrainOptions>,
  describe: { retired: true } satisfies Keys<DescribeOptions>,
  'deadLetters.list': { limit: true, reason: true } satisfies Keys<ListDeadLettersOptions>,
  'deadLetters.redrive': {
    ...CHOSEN,
    to: true,
    dryRun: true,
    onRedrive: true,
    signal: true,
  } satisfies Keys<RedriveOptions>,
  request: {
    id: true,
    label: true,
    limitSeconds: true,
    maxAttempts: true,
    serial: true,
    throttle: true,
    maxFail: true,
    anyErrorsFatal: true,
    keepGoing: true,
    pauseAfter: true,
    healthy: true,
    onFailure: true,
    settleSeconds: true,
    checkSeconds: true,
    stops: true,
    onProgress: true,
    signal: true,
  } satisfies Keys<RequestOptions>,
  'requests.list': { ended: true, limit: true } satisfies Keys<ListRequestsOptions>,
  'requests.cancel': { now: true, onProgress: true } satisfies Keys<CancelRequestOptions>,
  'requests.wait': {
    timeoutSeconds: true,
    pollSeconds: true,
    onProgress: true,
    signal: true,
  } satisfies Keys<WaitRequestOptions>,
  'requests.retry': { id: true, all: true } satisfies Keys<RetryRequestOptions>,
  'groups.set': { lanes: true, size: true } satisfies Keys<GroupSettings>,
  'deadLetters.purge': { ...CHOSEN, dryRun: true } satisfies Keys<PurgeOptions>,
} as const;

/**
 * Refuses an unknown option. If it were ignored, a job with a misspelt time limit would run without one.
 *
 * @throws WrongOptionError that names the unknown option and the known ones
 */
export function refuseUnknown(method: keyof typeof KNOWN, options: object): void {
  const known = KNOWN[method];
  const unknown = Object.entries(options).find(
    ([key, value]) => value !== undefined && !Object.hasOwn(known, key),
  );
  if (!unknown) return;
  throw new WrongOptionError(
    `\`${method}\` has no option ${JSON.stringify(unknown[0])}; it has ${Object.keys(known).join(', ')}.`,
  );
}
