import { constants } from 'node:os';
import { UnknownJobError } from '../../../client/errors.ts';
import { withExplainedErrors } from '../../../client/explain.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import { readLastOutput } from '../../../client/logs/tail.ts';
import { ExitCode } from '../../exit-code.ts';
import { stateReason } from './words.ts';

/** The result of Ansible's async_status for a job, and more. */
export interface AnsibleStatus {
  ansible_job_id: string;
  started: 0 | 1;
  /** 1 only if it is known that the job has ended. */
  finished: 0 | 1;
  failed: boolean;
  /** The worker's exit status, -N if signal N killed it, 124 over its limit; null if it has not ended or it is unknown. */
  rc: number | null;
  /** Without line breaks at the end, as in the results of Ansible's modules. */
  stdout: string;
  stderr: string;
  stdout_lines: string[];
  stderr_lines: string[];
  /** Whether stdout or stderr is only the last part of the output. */
  truncated?: true;
  msg: string;
  state: JobView['state'];
  label?: string;
  /** The result of the last try's worker, and why it was left out. */
  result?: JobView['result'];
  result_error?: string;
  /** The job that this one retries, and the last job that retries this one. */
  retry_of?: string;
  retried_as?: string;
}

/** @param mostBytes how much of the end of each stream to return */
export async function toAnsibleStatus(
  fleet: Fleet,
  jobs: readonly JobView[],
  mostBytes: number,
): Promise<AnsibleStatus[]> {
  const { context, facts } = fleet;
  const ids = jobs.map(({ id }) => id);
  const found = await fleet.records(ids);
  const all: AnsibleStatus[] = [];
  for (const job of jobs) {
    const record = found.get(job.id);
    const output =
      record && (await withExplainedErrors(facts, () => readLastOutput(context, record, mostBytes)));
    const { stdout, stderr } = output ?? NO_OUTPUT;
    const truncated = stdout.truncated || stderr.truncated;
    all.push({
      ansible_job_id: job.id,
      started: job.tries.length > 0 || job.startedAt !== undefined ? 1 : 0,
      finished: job.finished ? 1 : 0,
      failed: job.state === 'unknown' || (job.finished && job.state !== 'succeeded'),
      rc: returnCode(job),
      ...streams(textOf(stdout.bytes), textOf(stderr.bytes)),
      ...(truncated && { truncated }),
      msg:
        job.state === 'unknown' ? new UnknownJobError(job.id, facts.fleet).message : message(job, truncated),
      state: job.state,
      ...(job.label !== undefined && { label: job.label }),
      ...(job.result !== undefined && { result: job.result }),
      ...(job.resultError !== undefined && { result_error: job.resultError }),
      ...(job.retryOf !== undefined && { retry_of: job.retryOf }),
      ...(job.retriedAs !== undefined && { retried_as: job.retriedAs }),
    });
  }
  return all;
}

const NOTHING = { bytes: Buffer.alloc(0), truncated: false };
const NO_OUTPUT = { stdout: NOTHING, stderr: NOTHING };

/** The return code as Python's subprocess, which Ansible's modules use, has it. */
function returnCode({ state, finished, exitStatus, signal }: JobView): number | null {
  if (!finished) return null;
  if (state === 'timed_out') return ExitCode.timedOut;
  const number = signal === undefined ? undefined : (constants.signals as Record<string, number>)[signal];
  return number === undefined ? (exitStatus ?? null) : -number;
}

function message(job: JobView, truncated: boolean): string {
  const why = stateReason(job);
  const text = job.state === 'succeeded' ? '' : `${job.state}${why ? `: ${why}` : ''}`;
  const cut = truncated ? `the output is truncated: \`mayfly logs ${job.id}\` shows all of it` : '';
  return [text, cut].filter(Boolean).join('; ');
}

/** The text as `ansible.builtin.command` returns it by default (`strip_empty_ends`). */
function textOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  let end = text.length;
  while (end > 0 && '\r\n'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function streams(stdout: string, stderr: string) {
  return { stdout, stderr, stdout_lines: linesOf(stdout), stderr_lines: linesOf(stderr) };
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/\r?\n/);
}
