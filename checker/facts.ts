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
  /** The job table's items, as far as the checker reads them; undefined for a fleet that tracks no jobs. */
  records: readonly RecordFacts[] | undefined;
  instances: readonly InstanceFacts[];
  /** Undefined: the group is gone, which is as good as a desired capacity of 0. */
  group: { name: string; desired: number } | undefined;
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

export interface RecordFacts {
  id: string;
  state: string;
  reason?: string;
}

export interface InstanceFacts {
  id: string;
  /** EC2's name of the state: `running`, `terminated`, ... */
  state: string;
  /** Epoch milliseconds. */
  launchedMs: number;
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
  | 'worker-left'
  | 'instance-left'
  | 'capacity-left'
  | 'capacity-lowered';

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
    deadLettered: number;
    queued: number;
    runs: number;
    instances: number;
  };
}
