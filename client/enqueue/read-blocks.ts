import type { Clock } from '../../aws/clock.ts';
import type { FleetContext } from '../context.ts';
import { refuseUnknown } from '../known-options.ts';
import type { NumberedJob } from './enqueue-block.ts';
import { jobId } from './ids.ts';
import { Input, TIMED_OUT } from './input.ts';
import type { EnqueueManyOptions, NewJob } from './options.ts';
import { prepareJob } from './prepare.ts';

type BlockOptions = Pick<EnqueueManyOptions, 'skip' | 'jobKey' | 'signal'> & { seed: string };

/** Most jobs of one block. */
const BLOCK_JOBS = 100;
/** A block is full when its text has this many bytes. One body can be longer. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** How long a job waits for more jobs of a slow input before its block is sent. */
const LINGER_MS = 200;

/**
 * Reads the jobs of the input, prepares them and yields them in blocks, without those that are skipped. Rejects at the
 * first job that is not valid, and when it is aborted. It yields the jobs that it read before first.
 */
export async function* readBlocks(
  { facts, clock }: FleetContext,
  jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
  { seed, skip, jobKey, signal }: BlockOptions,
): AsyncGenerator<NumberedJob[]> {
  const input = new Input(jobs, signal);
  let block = new Block(clock);
  let number = 0;
  try {
    for (;;) {
      const next = await input.next(block.linger);
      if (next !== TIMED_OUT && next.done) break;
      if (next !== TIMED_OUT) {
        number += 1;
        if (skip?.(number)) continue;
        const { body, ...options } = next.value;
        refuseUnknown('enqueueMany (of a job)', options);
        block.add({ number, job: prepareJob(facts, jobId(seed, jobKey?.(number) ?? number), body, options) });
      }
      if (next !== TIMED_OUT && !block.isFull) continue;
      yield block.jobs;
      block = new Block(clock);
    }
    if (block.jobs.length > 0) yield block.jobs;
  } catch (error) {
    if (block.jobs.length > 0) yield block.jobs;
    throw error;
  } finally {
    input.close();
  }
}

class Block {
  readonly jobs: NumberedJob[] = [];
  /** Resolves when its first job has waited `LINGER_MS`. */
  linger: Promise<void> | undefined;
  readonly #clock: Clock;
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFull(): boolean {
    return this.jobs.length >= BLOCK_JOBS || this.#bytes >= BLOCK_BYTES;
  }

  add(job: NumberedJob): void {
    const { message, text, viaBucket } = job.job;
    this.jobs.push(job);
    this.#bytes += message.length + (viaBucket ? text.length : 0);
    this.linger ??= this.#clock.sleep(LINGER_MS);
  }
}
