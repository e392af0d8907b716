/** The options of `mayfly enqueue`. */
export interface EnqueueOptions {
  async?: number;
  poll: number;
  delay?: number;
  dedupe?: string;
  label?: string;
  group?: string;
  target?: string;
  file?: string;
  jsonLines?: true;
  whole?: true;
  journal?: string;
  json?: true;
}

/** Options of a run with many jobs. */
export interface FileOptions extends EnqueueOptions {
  /** The options as typed, without those that name the jobs: the command that sends the rest repeats them. */
  typed: readonly string[];
}
