/**
 * The library: `import { Fleet } from 'mayfly'`. The `mayfly` command uses it too. The CDK construct is in
 * `mayfly/cdk`.
 */

export type { FleetContext } from './context.ts';
export type {
  DeadLetter,
  DeadLetterList,
  ListDeadLettersOptions,
  Purged,
  PurgeOptions,
  Redriven,
  RedriveOptions,
  RedriveResult,
} from './dead-letters/dead-letters.ts';
export type { Diagnosis } from './doctor/diagnose.ts';
export type { Finding } from './doctor/finding.ts';
export type { Body } from './enqueue/encode-body.ts';
export type { Enqueued } from './enqueue/enqueue.ts';
export type { EnqueuedMany } from './enqueue/enqueue-many.ts';
export { createSeed, jobId } from './enqueue/ids.ts';
export type { EnqueueManyOptions, JobOptions, NewJob, SentJob } from './enqueue/options.ts';
export * from './errors.ts';
export { type FindOptions, Fleet } from './fleet.ts';
export { FleetGroups } from './groups/groups.ts';
export type { GroupSettings } from './groups/options.ts';
export type { DescribeOptions, FleetView, LaunchesView, QueueView } from './instances/describe.ts';
export type { Drained, DrainOptions } from './instances/drain.ts';
export type { InstanceView, RetiredView, RunningJob } from './instances/instance-view.ts';
export type { Paused, Resumed } from './instances/pause.ts';
export type { Cancelled, CancelOptions } from './jobs/cancel.ts';
export type { CleanedUp, CleanedUpEnded, CleanupEndedOptions, CleanupOptions } from './jobs/cleanup.ts';
export type { ListOptions } from './jobs/list.ts';
export type { ResultView } from './jobs/result.ts';
export type { Retried, RetryOptions } from './jobs/retry.ts';
export type { StatusOptions } from './jobs/status.ts';
export type { JobView, LogView, StageView, TryView, WaitingView } from './jobs/view.ts';
export type { WaitOptions, WaitProgress } from './jobs/wait.ts';
export {
  type LogEvent,
  LogGoneError,
  type LogOptions,
  type LogPiece,
  type LogStream,
  NoSuchTryError,
} from './logs/logs.ts';
export type { GroupPlan, RequestPlan } from './requests/plan.ts';
export type { PlannedBatch, PlannedGroup, PlannedTarget } from './requests/plan-view.ts';
export { FleetRequests } from './requests/requests.ts';
export type {
  CancelRequestOptions,
  GroupView,
  ListRequestsOptions,
  OutView,
  Requested,
  RequestGroupView,
  RequestOptions,
  RequestTarget,
  RequestView,
  RetryRequestOptions,
  TargetGroup,
  WaitRequestOptions,
} from './requests/types.ts';
