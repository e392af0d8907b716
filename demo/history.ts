/** What happened, as the demo watched it: what its table, its timeline and `--json` are made from. */
export interface History {
  /** Epoch milliseconds, as all `...Ms` here. */
  startedMs: number;
  endedMs: number;
  /** In order of time; values hold until the next sample. */
  samples: Sample[];
  /** In order of launch. */
  lives: Life[];
  /** What is worth a line across the picture. */
  marks: Mark[];
}

export interface Sample {
  atMs: number;
  /** Messages that wait, and messages that an agent holds. */
  visible: number;
  inFlight: number;
  desired: number;
  /** Instances that run or boot. */
  running: number;
}

export interface Life {
  id: string;
  launchedMs: number;
  /** When its agent was ready for work; absent if it never was. */
  readyMs?: number;
  endedMs?: number;
  jobs: JobRun[];
  /** Why it went, as its record says; absent if nobody knows. */
  reason?: string;
  idleSeconds?: number;
  rung?: string;
}

export interface JobRun {
  job: string;
  startedMs: number;
  endedMs: number;
  /** Exit status; absent if it ended without a word. */
  status?: number;
}

export interface Mark {
  atMs: number;
  label: string;
}

/** Most instances that ran at once. */
export function peakOf({ samples }: Pick<History, 'samples'>): number {
  return Math.max(0, ...samples.map(({ running }) => running));
}
