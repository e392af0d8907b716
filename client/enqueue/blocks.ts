import type { Clock } from '../../aws/clock.ts';
import type { Numbered } from './block.ts';
import type { Body } from './body.ts';
import type { FleetContext } from '../context.ts';
import { jobId } from './ids.ts';
import { Input, LATE } from '../input.ts';
import { refuseUnknown } from '../known-options.ts';
import { type JobOptions, orderOf } from './order.ts';

export interface NewJob extends JobOptions {
  body: Body;
}

export interface BlockOptions {
  seed: string;
  skip?: ((number: number) => boolean) | undefined;
  keyOf?: ((number: number) => string) | undefined;
  signal?: AbortSignal | undefined;
}

/** Jobs of one block: their records are written, then their messages sent. */
const BLOCK_JOBS = 100;
/** Text of one block, about: one body can be longer. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** How long a job waits for its block to fill up, where the input is slow. */
const PATIENCE_MS = 200;

/**
 * The jobs of the input in blocks, but for those that are to be skipped. Rejects at the first bad job and when it is
 * aborted; what was read before has been given out by then.
 */
export async function* blocks(
  { facts, clock }: FleetContext,
  jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
  { seed, skip, keyOf, signal }: BlockOptions,
): AsyncGenerator<Numbered[]> {
  const input = new Input(jobs, signal);
  let block = new Block(clock);
  let number = 0;
  try {
    for (;;) {
      const next = await input.next(block.patience);
      if (next !== LATE && next.done) break;
      if (next !== LATE) {
        number += 1;
        if (skip?.(number)) continue;
        const { body, ...options } = next.value;
        refuseUnknown('enqueueMany (of a job)', options);
        block.add({ number, order: orderOf(facts, jobId(seed, keyOf?.(number) ?? number), body, options) });
      }
      if (next !== LATE && !block.isFull) continue;
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
  readonly jobs: Numbered[] = [];
  /** Resolves when its first job has waited long enough. */
  patience: Promise<void> | undefined;
  readonly #clock: Clock;
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFull(): boolean {
    return this.jobs.length >= BLOCK_JOBS || this.#bytes >= BLOCK_BYTES;
  }

  add(job: Numbered): void {
    const { message, text, viaBucket } = job.order;
    this.jobs.push(job);
    this.#bytes += message.length + (viaBucket ? text.length : 0);
    this.patience ??= this.#clock.sleep(PATIENCE_MS);
  }
}
