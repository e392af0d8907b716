/** The states of a job. `held` and `skipped` belong to groups and requests, `cancelled` to an operator. */
export type JobState =
  | 'held'
  | 'queued'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'cancelled'
  | 'lost'
  | 'skipped';

export const TERMINAL_STATES: ReadonlySet<JobState> = new Set([
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'lost',
  'skipped',
]);

/** A job's record: the item `job#<id>` of the table. Absent attributes are unknown, never empty. */
export interface JobRecord {
  pk: `job#${string}`;
  id: string;
  state: JobState;
  /** Tries that cost an attempt, the running one included. */
  attempts: number;
  messageId?: string;
  /** While running: who has it, until when, and the claim's own mark that later writes must match. */
  instance?: string;
  fence?: string;
  leaseUntilMs?: number;
  listing?: `running#${string}`;
  enqueuedAt?: string;
  startedAt?: string;
  endedAt?: string;
  /** How the last try ended. */
  exitStatus?: number;
  signal?: string;
  /** Why the job is in its state, for a person. */
  reason?: string;
  /** The last of what the worker printed, bounded. */
  output?: string;
  group?: string;
  requestId?: string;
  /** Time to live, epoch seconds. */
  expires?: number;
}

/** Why an instance went, its item `instance#<id>` of the table. */
export interface InstanceRecord {
  pk: `instance#${string}`;
  instance: string;
  listing: 'instances' | 'retired';
  launchedAt?: string;
  readyAt?: string;
  heardAtMs?: number;
  bootSeconds?: number;
  retirement?: Retirement;
  /** When the keeper lowered the desired capacity in its stead: it had gone by a rung that does not. */
  accountedAtMs?: number;
  expires?: number;
}

export type RetirementReason =
  | 'idle'
  | 'paid-hour'
  | 'max-age'
  | 'outdated'
  | 'spot-interruption'
  | 'rebalance'
  | 'auto-scaling'
  | 'group-deleted'
  | 'surplus'
  | 'boot-failed'
  | 'worker-missing'
  | 'agent-crashed'
  | 'stopped'
  /** It is gone, and nobody knows why. */
  | 'lost';

export type Rung = 'terminate' | 'terminate-without-decrement' | 'unhealthy' | 'power-off';

export interface Retirement {
  reason: RetirementReason;
  decidedAt: string;
  endedAt: string;
  idleSeconds: number;
  jobsDone: number;
  /** Visible messages at the decision; absent if the queue did not tell. */
  queueDepth?: number;
  rung: Rung;
  /** Calls made, all rungs together, and the last refusal. */
  tries: number;
  lastError?: string;
}
