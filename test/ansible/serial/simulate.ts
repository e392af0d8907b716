import { splitIntoBatches } from '../../../policy/groups/batches.ts';
import { type BatchFailures, type FailurePolicy, shouldTrip } from '../../../policy/groups/failures.ts';
import type { Fate, Scenario } from './scenario.ts';

/** What ran on a batch. */
export interface BatchRun {
  hosts: string[];
  /** For each task of the play, the hosts on which it ran: those that were left and not unreachable. */
  tasks: [string[], string[]];
}

export interface Simulated {
  batches: BatchRun[];
  /** The play ended, and a host became unreachable in the task that ended it. */
  endedWithUnreachable: boolean;
}

interface Counts {
  batchSize: number;
  failed: number;
  unreachable: number;
}

/** Says whether the play ends. */
export type Judge = (counts: Counts, scenario: Scenario) => boolean;

/** Ansible's rules, made of our policy. The percentage is of failed hosts alone. */
export const asAnsible: Judge = ({ batchSize, failed, unreachable }, { maxFail, anyErrorsFatal }) =>
  trips({ batchSize, batchFailed: failed }, maxFail) ||
  shouldTrip({ batchSize, batchFailed: failed + unreachable }, { maxFail: '100%', anyErrorsFatal });

/** What a request of ours does: a job has failed or not. */
export const asRequest: Judge = ({ batchSize, failed, unreachable }, { maxFail, anyErrorsFatal }) =>
  trips({ batchSize, batchFailed: failed + unreachable }, maxFail, { anyErrorsFatal });

function trips(failures: BatchFailures, maxFail = 100, policy: FailurePolicy = {}): boolean {
  return shouldTrip(failures, { ...policy, maxFail: `${maxFail}%` });
}

export const hostName = (index: number) => `h${String(index).padStart(3, '0')}`;

export function simulate(scenario: Scenario, ends: Judge): Simulated {
  const names = scenario.hosts.map((_, index) => hostName(index));
  const fate = (host: string, task: 0 | 1) => scenario.hosts[names.indexOf(host)]?.[task];
  const batches: BatchRun[] = [];
  let start = 0;
  for (const batchSize of splitIntoBatches(names.length, scenario.serial)) {
    const run: BatchRun = { hosts: names.slice(start, start + batchSize), tasks: [[], []] };
    batches.push(run);
    start += batchSize;
    const counts: Counts = { batchSize, failed: 0, unreachable: 0 };
    let left = run.hosts;
    for (const task of [0, 1] as const) {
      const those = (is: Fate) => left.filter((host) => fate(host, task) === is);
      const unreachable = those('unreachable').length;
      run.tasks[task] = left.filter((host) => fate(host, task) !== 'unreachable');
      counts.failed += those('failed').length;
      counts.unreachable += unreachable;
      left = those('ok');
      if (ends(counts, scenario)) return { batches, endedWithUnreachable: unreachable > 0 };
    }
  }
  return { batches, endedWithUnreachable: false };
}
