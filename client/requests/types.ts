import type { BatchSize } from '../../policy/groups/batches.ts';
import type { Lanes } from '../../policy/groups/lanes.ts';
import type { RequestPolicy, RequestState, Stage } from '../../policy/groups/state.ts';
import type { WaitingView } from '../jobs/view.ts';

/** The targets of a request in one group, in the order in which they are worked on. */
export interface TargetGroup {
  /** Name of the group: a name, or `family/group`. */
  name: string;
  /** Number of targets that the group has in all, whatever the request leaves of it. At least the number of `targets`. */
  size: number;
  targets: RequestTarget[];
}

/** One target, and what its worker reads. */
export interface RequestTarget {
  target: string;
  body: string;
  /** Its place in the request, from 1. */
  index: number;
}

/** Options of `request`. Durations are in seconds. */
export interface RequestOptions {
  /**
   * Id of the request. The same call with the same id goes on where the first was cut off. A call with other targets,
   * bodies or options is rejected. Default: a random id.
   */
  id?: string;
  /** Label of all jobs of the request. */
  label?: string;
  /** How long each worker may run. Default: the fleet's `limit`. */
  limitSeconds?: number;
  /** How often each job is tried. Default 1. */
  maxAttempts?: number;
  /** Sizes of the batches of each group (Ansible's `serial`). At most 100; the last one repeats. Default: one batch of all. */
  serial?: readonly BatchSize[];
  /** How many jobs of a group run at a time (Ansible's `throttle`). The group's lanes bound it. Default: the lanes. */
  throttle?: number;
  /**
   * The request stops when more than so many jobs of a batch have failed, as a number or a percentage of the batch
   * (Ansible's `max_fail_percentage`). Default 0: the first failure stops it.
   */
  maxFail?: number | `${number}%`;
  /** The first failure stops the request, as without any of these options (Ansible's `any_errors_fatal`). */
  anyErrorsFatal?: boolean;
  /** No failure stops the request. Default false. */
  keepGoing?: boolean;
  /** After so many batches each group waits until the request is resumed. Default: it does not wait. */
  pauseAfter?: number;
  /** Name of the fleet's command that checks a target after its job. Default: no check. */
  healthy?: string;
  /** Name of the fleet's command that runs after a job that failed. Default: none. */
  onFailure?: string;
  /** How long to wait before the check, 0 to 900. Default 0. */
  settleSeconds?: number;
  /** How long the check may take until it succeeds, from its first start. Default: the fleet's limit of a check. */
  checkSeconds?: number;
  /** What a failure stops: all groups of the request, or the group in which it happened. Default `request`. */
  stops?: 'request' | 'group';
  /** Called with the number of jobs that were written, and of all jobs. */
  onProgress?: (written: number, count: number) => void;
  /** Aborts the call. The same call with the same id goes on. */
  signal?: AbortSignal;
}

/** Options of `requests.list`. */
export interface ListRequestsOptions {
  /** Requests that have ended as well. Default false. */
  ended?: boolean;
  /** Most requests. Default 50. */
  limit?: number;
}

/** Options of `requests.cancel`. */
export interface CancelRequestOptions {
  /** Stop the jobs that run as well. Default false: they go on to their end. */
  now?: boolean;
  /** Called with the number of jobs that were looked at, and of all jobs. */
  onProgress?: (done: number, count: number) => void;
}

/** Options of `requests.wait`. */
export interface WaitRequestOptions {
  /** Longest wait, in seconds. Default: no time-out. */
  timeoutSeconds?: number;
  /** Interval between two polls, in seconds. Default 5. */
  pollSeconds?: number;
  /** Called after each poll. */
  onProgress?: (request: RequestView) => void;
  /** Aborts the wait. The call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of `requests.retry`. */
export interface RetryRequestOptions {
  /** Id of the new request. Default: a random id. */
  id?: string;
  /** Repeat the jobs that were cancelled or skipped as well. Default false: only those that failed. */
  all?: boolean;
  /** Called with the number of jobs that were written, and of all jobs. */
  onProgress?: (written: number, count: number) => void;
  /** Aborts the call. The same call with the same id goes on. */
  signal?: AbortSignal;
}

/** Result of `request`. */
export interface Requested {
  id: string;
  /** Number of jobs. */
  count: number;
  /** An earlier call with this id had begun it. */
  resumed: boolean;
}

/** A request, as `--json` prints it. Times are ISO 8601. */
export interface RequestView {
  id: string;
  /**
   * `preparing`: its jobs are being written, and none runs. `stopped`: a failure stopped it. `paused`: it waits for a
   * person. `ended`: all of its jobs have ended.
   */
  state: RequestState | 'preparing' | 'ended';
  /** Why it is in its state. */
  reason?: string;
  count: number;
  /** Numbers of jobs, which are `count` together. `running`: from the release to the end of the lane. */
  succeeded: number;
  failed: number;
  cancelled: number;
  running: number;
  held: number;
  skipped: number;
  label?: string;
  submittedAt: string;
  endedAt?: string;
  /** Since when it waits for a person, and when it is cancelled unless somebody resumes it. */
  stoppedAt?: string;
  cancelAt?: string;
  /** The request that this one repeats, and the newest that repeats this one. */
  retryOf?: string;
  retriedAs?: string;
  policy: RequestPolicy;
  groups: RequestGroupView[];
}

/** The jobs of a request in one group. */
export interface RequestGroupView {
  name: string;
  /** `waiting`: the group has not taken the request yet. `ended`: all of its jobs have ended. */
  state: RequestState | 'waiting' | 'ended';
  reason?: string;
  count: number;
  size: number;
  /** Lanes of the group now. Absent when all of the jobs have ended, like the batch. */
  lanes?: number;
  /** The current batch, from 1, and the number of batches. */
  batch?: number;
  batches?: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  held: number;
  running: OutView[];
  /** If some are held: what the next of them waits for. */
  waitsFor?: WaitingView;
}

/** A job that has a lane. */
export interface OutView {
  /** Id of the job. */
  job: string;
  target?: string;
  /** What happens in the lane. `unhealthy`: the check of the target failed, and a person has to free the lane. */
  stage: Stage;
  /** Id of the roll-back or the check. */
  stageJob?: string;
  since: string;
  requestId?: string;
}

/** A group, as `--json` prints it. */
export interface GroupView {
  name: string;
  /** Lanes now, and the setting that they follow from: the group's own, or the fleet's default. */
  lanes: number;
  setting: Lanes;
  size?: number;
  /** Jobs that have a lane. */
  running: OutView[];
  /** Number of jobs that are held. */
  held: number;
  /** Requests with jobs in the group, in the order of their turns. */
  requests: { id: string; state: RequestState; held: number; running: number }[];
  /** Jobs without a request that are held. */
  plain: number;
  pausedAt?: string;
  /** Why nothing is released: the target of this job stayed unhealthy. */
  stopped?: { at: string; job: string; reason: string };
}
