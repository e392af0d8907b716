/** What the demo observed. The table, the timeline and `--json` are made from it. */
export interface History {
  /** Epoch milliseconds, as all `...Ms` here. */
  startedMs: number;
  endedMs: number;
  /** By time. A value holds until the next sample. */
  samples: Sample[];
  /** By launch. */
  instances: InstanceHistory[];
  /** Events that get a line in the picture. */
  marks: Mark[];
}

export interface Sample {
  atMs: number;
  /** Messages on the queue. */
  visible: number;
  inFlight: number;
  desired: number;
  /** Running and booting instances. */
  running: number;
}

/** The history of an instance. */

export interface InstanceHistory {
  id: string;
  launchedMs: number;
  /** When its agent was ready; absent if it never was. */
  readyMs?: number;
  endedMs?: number;
  jobs: JobRun[];
  /** Why it retired, by its record; absent if it has none. */
  reason?: string;
  idleSeconds?: number;
  rung?: string;
}

export interface JobRun {
  job: string;
  startedMs: number;
  endedMs: number;
  /** Exit status; absent if the worker did not report its end. */
  status?: number;
}

export interface Mark {
  atMs: number;
  label: string;
}

/** The largest number of instances at one time. */
export function peakInstances({ samples }: Pick<History, 'samples'>): number {
  return Math.max(0, ...samples.map(({ running }) => running));
}
