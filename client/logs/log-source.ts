import { GetObjectCommand, NoSuchKey } from '@aws-sdk/client-s3';
import type { JobRecord } from '../../jobs/record.ts';
import { chunkKey } from '../../store/bucket-keys.ts';
import type { FleetContext } from '../context.ts';
import { ThrottledError, UnreachableError } from '../errors.ts';
import { explainError } from '../explain.ts';
import { readRecord } from '../job-records.ts';
import { shownState } from '../job-state.ts';
import { LONGEST_OUTAGE_MS } from '../outage.ts';
import type { LogSource } from './reading.ts';

/** How often an object is requested if its body breaks off. The SDK retries only calls without any answer. */
const READS = 3;
/** Milliseconds between two attempts to reach AWS while a log is followed. */
const PAUSE_MS = 2000;

export function createLogSource(
  context: FleetContext,
  id: string,
  follow: boolean,
  signal?: AbortSignal,
): LogSource {
  const { facts, clock } = context;
  const retry = new OutageRetry(context, follow, signal);
  return {
    record: () =>
      retry.run(async (): Promise<JobRecord> => {
        const record = await readRecord(context, id);
        return { ...record, state: shownState(record, facts, clock.now()) };
      }),
    object: (tryKey, part, number) => retry.run(() => read(context, chunkKey(id, tryKey, part, number))),
  };
}

async function read({ clients, facts }: FleetContext, Key: string): Promise<Uint8Array | undefined> {
  for (let left = READS - 1; ; left -= 1) {
    try {
      const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: facts.logBucket, Key }));
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      const answered = error instanceof Error && '$metadata' in error;
      if (answered || left === 0) throw error;
    }
  }
}

/** Repeats the calls of a followed log for up to a minute without an answer of AWS, if an earlier call succeeded. */
class OutageRetry {
  readonly #context: FleetContext;
  readonly #follow: boolean;
  readonly #signal: AbortSignal | undefined;
  #reached = false;

  constructor(context: FleetContext, follow: boolean, signal: AbortSignal | undefined) {
    this.#context = context;
    this.#follow = follow;
    this.#signal = signal;
  }

  async run<T>(ask: () => Promise<T>): Promise<T> {
    const { clock, facts } = this.#context;
    const untilMs = clock.monotonic() + LONGEST_OUTAGE_MS;
    for (;;) {
      try {
        const answer = await ask();
        this.#reached = true;
        return answer;
      } catch (error) {
        const why = explainError(facts, error);
        const passes = why instanceof UnreachableError || why instanceof ThrottledError;
        if (!passes || !this.#follow || !this.#reached || clock.monotonic() >= untilMs) throw why;
        await clock.sleep(PAUSE_MS, this.#signal);
      }
    }
  }
}
