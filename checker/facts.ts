import type { JournalLine } from './journal.ts';
import type { WitnessLine } from './witness.ts';

/** Everything that the checker judges by. All of it is observed from outside the agent. */
export interface Facts {
  /** The key of every job sent: `m-<MessageId>`, or the id of its envelope. */
  sent: readonly string[];
  journal: readonly JournalLine[];
  /** Worker processes in the journal that still run. */
  workersAlive: readonly { job: string; pid: number }[];
  queue: QueueFacts;
  deadLetters: readonly DeadLetter[];
  /** Dead letters in flight, whose jobs cannot be seen. */
  deadLettersHidden?: number;
  /** URL of the dead-letter queue, as calls have it. Undefined: the queue is gone. */
  deadLetterQueueUrl?: string | undefined;
  /** The job items of the table. Undefined: the fleet tracks no jobs. */
  records: readonly RecordFacts[] | undefined;
  /** The job logs in the log bucket. Undefined: they were not read. */
  logs?: readonly LogFacts[] | undefined;
  instances: readonly InstanceFacts[];
  /** `warmPool`: the instances in it. Undefined: the group is gone, which counts as a desired capacity of 0. */
  group: { name: string; desired: number; warmPool?: ReadonlySet<string> } | undefined;
  calls: readonly CallFacts[];
  /** The length of the fleet's leases. */
  leaseMs: number;
  /** Groups, targets and requests. Undefined: they were not read. */
  grouped?: GroupedFacts | undefined;
}

/** What the witness of the workers and the table say of groups, targets and requests. */
export interface GroupedFacts {
  witness: readonly WitnessLine[];
  groups: readonly GroupFacts[];
  /** The targets that jobs have. */
  targets: readonly { name: string; job: string; group: string }[];
  requests: readonly RequestFacts[];
}

export interface GroupFacts {
  name: string;
  /** How many lanes it has had, and since when, in epoch milliseconds. */
  lanes: readonly { fromMs: number; lanes: number }[];
  /** The jobs that have lanes, and which job runs there: the job itself, its roll-back or its check. */
  out: readonly { job: string; own: string; isUnhealthy: boolean }[];
}

export interface RequestFacts {
  id: string;
  isEnded: boolean;
  /** The number of its jobs. */
  count: number;
  /** Ansible's `serial`. Empty: one batch of all. */
  serial: readonly (number | string)[];
}

export interface QueueFacts {
  /** Job keys of the messages that could be received. */
  visible: readonly string[];
  /** Messages in flight, whose job keys cannot be seen. */
  inFlight: number;
}

export interface DeadLetter {
  job: string;
  /** Undefined: SQS moved it (`maxReceiveCount`), so there is no reason. */
  reason?: string;
}

/** What the checker reads of a job record (docs/contracts.md, "Job records"). */
export interface RecordFacts {
  id: string;
  state: string;
  reason?: string;
  /** Somebody has requested its cancellation. */
  cancelRequested?: boolean;
  /** It was removed: this tombstone keeps its message from running. */
  removed?: boolean;
  /** The job that it repeats, and the job that repeats it. */
  retryOf?: string;
  retriedAs?: string;
  /** The newest tries, in their order. */
  tries?: readonly TryFacts[];
  /** Of a job of a group. `index`: its place in its request, from 1. `stageOf`: the job whose roll-back or check it is. */
  group?: string;
  target?: string;
  request?: string;
  index?: number;
  stageOf?: string;
  /** When it was last released, in epoch milliseconds. Absent: it is held, or never was released. */
  releasedMs?: number;
}

export interface TryFacts {
  key: string;
  /** Epoch milliseconds of its claim. */
  startedMs: number;
  ended: boolean;
  exitStatus?: number;
  log?: Record<Stream, StreamFacts>;
}

export type Stream = 'stdout' | 'stderr';

/** What a record says about a stream. */
export interface StreamFacts {
  bytes: number;
  lost: number;
  /** The number of its chunks in the bucket. */
  chunks: number;
  /** The part that the record holds. */
  inline: { bytes: number; sha256: string };
}

/** The log of one try in the log bucket: `jobs/<job>/<key>/...`. */
export interface LogFacts {
  job: string;
  key: string;
  /** Sizes of the chunks, by number. */
  chunks: Record<Stream, ReadonlyMap<number, number>>;
  /** The index objects: their numbers, and their texts in this order. */
  index: { numbers: readonly number[]; text: string };
  /** SHA-256 of all bytes of a stream. Absent: not computed. */
  sha256?: Partial<Record<Stream, string>>;
}

export interface InstanceFacts {
  id: string;
  /** EC2's name of the state: `running`, `terminated`, ... */
  state: string;
  /**
   * When its group launched it, in epoch milliseconds. Without a group it is the launch time of EC2, in whole seconds.
   */
  launchedMs: number;
  /** When its group began to terminate it. Absent: it did not, or it was not read. */
  leftMs?: number;
}

/** One line of the front door's log (docs/contracts.md, "Call log"). */
export interface CallFacts {
  atMs: number;
  service: string;
  action: string;
  /** `owner`, `cloud`, or `<role>/<session>`. The session of an instance is its id. */
  caller: string;
  input: unknown;
  status: number;
  error?: string;
  fault?: string;
}

/** The rules that the checker applies. */
export type Rule =
  | 'lost'
  | 'succeeded-twice'
  | 'run-without-cause'
  | 'overlap'
  | 'unknown-job'
  | 'no-reason'
  | 'record-disagrees'
  | 'ended-twice'
  | 'run-after-end'
  | 'cancelled-unasked'
  | 'record-removed'
  | 'log-broken'
  | 'log-left'
  | 'worker-left'
  | 'busy-ended'
  | 'instance-left'
  | 'capacity-left'
  | 'capacity-lowered'
  | 'lowered-twice'
  | 'lanes-exceeded'
  | 'target-shared'
  | 'order-broken'
  | 'batch-broken'
  | 'request-unended'
  | 'lane-leaked'
  | 'target-leaked';

export interface Violation {
  rule: Rule;
  /** The job, instance or group that it is about. */
  subject: string;
  message: string;
}

export interface Verdict {
  ok: boolean;
  violations: Violation[];
  /** Not wrong, but worth knowing: repeated runs and their causes. */
  notes: string[];
  counts: {
    sent: number;
    succeeded: number;
    cancelled: number;
    deadLettered: number;
    queued: number;
    runs: number;
    instances: number;
  };
}
