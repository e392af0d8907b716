/** `import { Fleet } from 'mayfly'`: the library behind the command. The CDK construct is `mayfly/cdk`. */

export type { NewJob } from './fleet/blocks.ts';
export type { Body } from './fleet/body.ts';
export type { Cancelled, CancelOptions } from './fleet/cancel.ts';
export type { CleanedUp, CleanedUpEnded, CleanupOptions, EndedOptions } from './fleet/cleanup.ts';
export type { FleetContext } from './fleet/context.ts';
export type {
  DeadLetter,
  DeadLetterList,
  ListLettersOptions,
  Purged,
  PurgeOptions,
  Redriven,
  RedriveOptions,
  RedriveResult,
} from './fleet/dead-letters.ts';
export type { Diagnosis } from './fleet/diagnose/diagnose.ts';
export type { Finding } from './fleet/diagnose/finding.ts';
export type { Drained, DrainOptions } from './fleet/drain.ts';
export type { Enqueued } from './fleet/enqueue.ts';
export type { EnqueuedMany, ManyOptions, SentJob } from './fleet/enqueue-many.ts';
export * from './fleet/errors.ts';
export { type FindOptions, Fleet } from './fleet/fleet.ts';
export { drawSeed, jobId } from './fleet/ids.ts';
export type { DescribeOptions, FleetView, LaunchesView, QueueView } from './fleet/instances.ts';
export type { InstanceView, RetiredView, RunningJob } from './fleet/instances-view.ts';
export type { ListOptions } from './fleet/list.ts';
export {
  type LogEvent,
  LogGone,
  type LogOptions,
  type LogPiece,
  type LogStream,
  NoSuchTry,
} from './fleet/logs.ts';
export type { JobOptions } from './fleet/order.ts';
export type { Paused, Resumed } from './fleet/pause.ts';
export type { Retried, RetryOptions } from './fleet/retry.ts';
export type { StatusOptions } from './fleet/status.ts';
export type { JobView, LogView, TryView, WaitingView } from './fleet/view.ts';
export type { WaitOptions, WaitProgress } from './fleet/wait.ts';
