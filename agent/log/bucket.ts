import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { isBucketRefusal } from '../../aws/bucket-refusals.ts';
import type { Clock } from '../../aws/clock.ts';
import { retry } from '../../lib/retry.ts';
import type { LogThrottle } from './log-throttle.ts';

export interface LogBucketOptions {
  /** The client is created at the first write: most jobs print too little to need it. */
  clients: { readonly s3: S3Client };
  bucket: string;
  /** How long it may accept nothing before it counts as away. */
  maxSilenceMs: number;
  clock: Clock;
  random: () => number;
  logThrottle: LogThrottle;
}

/** The log bucket, for all tries of an agent. */
export class LogBucket {
  readonly #options: LogBucketOptions;
  #puts = 0;
  /** Since when there are puts and none has succeeded. */
  #stuckSinceMs: number | undefined;

  constructor(options: LogBucketOptions) {
    this.#options = options;
  }

  /** It has accepted nothing for `maxSilenceMs`. Nobody waits for it until it accepts something. */
  get isAway(): boolean {
    const { clock, maxSilenceMs } = this.#options;
    return this.#stuckSinceMs !== undefined && clock.monotonic() - this.#stuckSinceMs >= maxSilenceMs;
  }

  /**
   * Writes a new object. Retries until it succeeds.
   *
   * @throws S3's error if it is a refusal, or the last error when `signal` is aborted
   */
  async put(key: string, body: Buffer | string, signal: AbortSignal): Promise<void> {
    const { clock, random, logThrottle } = this.#options;
    this.#stuckSinceMs ??= clock.monotonic();
    this.#puts += 1;
    let isWritten = false;
    try {
      await retry(() => this.#put(key, body, signal), {
        clock,
        random,
        signal,
        shouldGiveUp: (error) => signal.aborted || isBucketRefusal(error),
        onFailure: (error) => logThrottle.failed(error),
      });
      isWritten = true;
    } catch (error) {
      if (isBucketRefusal(error)) logThrottle.failed(error);
      throw error;
    } finally {
      this.#puts -= 1;
      if (isWritten) this.#stuckSinceMs = this.#puts > 0 ? clock.monotonic() : undefined;
      else if (this.#puts === 0 && !this.isAway) this.#stuckSinceMs = undefined;
    }
  }

  async #put(key: string, body: Buffer | string, signal: AbortSignal): Promise<void> {
    const { clients, bucket } = this.#options;
    const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, IfNoneMatch: '*' });
    try {
      await clients.s3.send(command, { abortSignal: signal });
    } catch (error) {
      // An earlier try of this call succeeded and its answer was lost: nobody else writes this key.
      if (!(error instanceof Error && error.name === 'PreconditionFailed')) throw error;
    }
  }
}
