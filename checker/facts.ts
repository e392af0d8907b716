import type { JournalLine } from './journal.ts';

/** All that the checker goes by. Every part comes from outside the agent: what it says of itself is not asked. */
export interface Facts {
  /** The key of every job sent: `m-<MessageId>`, or the id of its envelope. */
  sent: readonly string[];
  journal: readonly JournalLine[];
  /** Worker processes of the journal that still run. */
  workersAlive: readonly { job: string; pid: number }[];
  queue: QueueFacts;
  deadLetters: readonly DeadLetter[];
  /** Dead letters that somebody looks at just now: whose they are cannot be seen. */
  deadLettersHidden?: number;
  /** Its URL, as calls have it; undefined: the queue is gone. */
  deadLetterQueueUrl?: string | undefined;
  /** The job table's items, as far as the checker reads them; undefined for a fleet that tracks no jobs. */
  records: readonly RecordFacts[] | undefined;
  /** What the log bucket has of jobs; undefined: nobody looked. */
  logs?: readonly LogFacts[] | undefined;
  instances: readonly InstanceFacts[];
  /** `warmPool`: the instances that wait in it. Undefined: the group is gone, which is as good as a desired capacity of 0. */
  group: { name: string; desired: number; warmPool?: ReadonlySet<string> } | undefined;
  calls: readonly CallFacts[];
  /** The fleet's lease: how long a job is left alone after the last sign of who has it. */
  leaseMs: number;
}

export interface QueueFacts {
  /** Job keys of the messages that could be received. */
  visible: readonly string[];
  /** Messages that somebody holds: their keys cannot be seen. */
  inFlight: number;
}

export interface DeadLetter {
  job: string;
  /** Undefined: SQS itself moved it (`maxReceiveCount`), nobody said why. */
  reason?: string;
}

/** `docs/design.md`, "A job that can be followed". */
export interface RecordFacts {
  id: string;
  state: string;
  reason?: string;
  /** Somebody wanted it to end. */
  cancelRequested?: boolean;
  /** It is cleaned up: what stands here only keeps its message from running. */
  removed?: boolean;
  /** The job that it repeats, and the one that repeats it. */
  retryOf?: string;
  retriedAs?: string;
  /** The newest, oldest first. */
  tries?: readonly TryFacts[];
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

/** What a record says of a stream. */
export interface StreamFacts {
  bytes: number;
  lost: number;
  /** In the bucket, 1 to this. */
  chunks: number;
  /** What stands in the record. */
  inline: { bytes: number; sha256: string };
}

/** What the log bucket has of one try: `jobs/<job>/<key>/...`. */
export interface LogFacts {
  job: string;
  key: string;
  /** Sizes of the chunks, by number. */
  chunks: Record<Stream, ReadonlyMap<number, number>>;
  /** What the indices say, all of them in the order of their numbers. */
  index: { numbers: readonly number[]; text: string };
  /** Of all bytes of a stream; absent where nobody asked. */
  sha256?: Partial<Record<Stream, string>>;
}

export interface InstanceFacts {
  id: string;
  /** EC2's name of the state: `running`, `terminated`, ... */
  state: string;
  /** Epoch milliseconds: when its group launched it; of one without a group EC2 tells it to the second. */
  launchedMs: number;
  /** When its group let it go; absent: nobody has asked, or it never did. */
  leftMs?: number;
}

/** One line of the front door's log (docs/design.md section 7). */
export interface CallFacts {
  atMs: number;
  service: string;
  action: string;
  /** `owner`, `cloud`, or `<role>/<session>`; an instance's session has its id. */
  caller: string;
  input: unknown;
  status: number;
  error?: string;
  fault?: string;
}

/** What is wrong, by kind. */
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
  | 'lowered-twice';

export interface Violation {
  rule: Rule;
  /** The job, instance or group that it is about. */
  subject: string;
  message: string;
}

export interface Verdict {
  ok: boolean;
  violations: Violation[];
  /** Worth knowing, and not wrong: second runs and what caused them. */
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
