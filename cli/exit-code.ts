import { constants } from 'node:os';

/** The exit statuses of `mayfly`. */
export const ExitCode = {
  done: 0,
  /** The reason is on stderr. */
  failed: 1,
  /** Wrong usage: an unknown command or option, or a value out of range. */
  usage: 2,
  /** The states of a job that the command waited for or asked about. */
  skipped: 119,
  unknown: 120,
  lost: 121,
  cancelled: 122,
  /** The job had not ended when the time to wait was over. */
  notEnded: 123,
  /** As timeout(1). */
  timedOut: 124,
  /** Ctrl-C: 128 and the number of SIGINT. */
  interrupted: 130,
} as const;

/** The part of a job that decides the exit status. */
export interface EndedJob {
  state: string;
  exitStatus?: number | undefined;
  signal?: string | undefined;
}

/** The status of a job: that of its worker, 128 plus the number of a signal that killed it, or the one for its state. */
export function jobExitStatus({ state, exitStatus, signal }: EndedJob): number {
  switch (state) {
    case 'succeeded':
      return ExitCode.done;
    case 'failed':
      return statusOfFailure(exitStatus, signal);
    case 'timed_out':
      return ExitCode.timedOut;
    case 'cancelled':
      return ExitCode.cancelled;
    case 'lost':
      return ExitCode.lost;
    case 'skipped':
      return ExitCode.skipped;
    case 'unknown':
      return ExitCode.unknown;
    default:
      return ExitCode.notEnded;
  }
}

function statusOfFailure(exitStatus: number | undefined, signal: string | undefined): number {
  const number = signal === undefined ? undefined : (constants.signals as Record<string, number>)[signal];
  if (number !== undefined) return 128 + number;
  return exitStatus || ExitCode.failed;
}

/** The status of several jobs: 123 if one has not ended, else that of the first that did not succeed, else 0. */
export function jobsExitStatus(jobs: readonly EndedJob[]): number {
  const statuses = jobs.map(jobExitStatus);
  if (statuses.includes(ExitCode.notEnded)) return ExitCode.notEnded;
  return statuses.find((status) => status !== ExitCode.done) ?? ExitCode.done;
}
