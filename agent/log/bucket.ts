import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { isRefusal } from '../../aws/bucket-refusals.ts';
import type { Clock } from '../../aws/clock.ts';
import { persist } from '../../lib/persist.ts';
import type { Complaints } from './complaints.ts';

export interface LogBucketOptions {
  /** Asked only when there is something to write: most agents' jobs print little. */
  clients: { readonly s3: S3Client };
  bucket: string;
  /** How long it may take nothing until it counts as away. */
  patienceMs: number;
  clock: Clock;
  random: () => number;
  complaints: Complaints;
}

/** The log bucket as all tries of an agent see it. */
export class LogBucket {
  readonly #options: LogBucketOptions;
  #underWay = 0;
  /** Since when something is under way and nothing has arrived. */
  #stuckSinceMs: number | undefined;

  constructor(options: LogBucketOptions) {
    this.#options = options;
  }

  /** It has taken nothing for the whole of the patience: nobody is to wait for it until it has taken something. */
  get away(): boolean {
    const { clock, patienceMs } = this.#options;
    return this.#stuckSinceMs !== undefined && clock.monotonic() - this.#stuckSinceMs >= patienceMs;
  }

  /**
   * Writes an object that is not there yet, again and again until it is there.
   *
   * @throws what S3 said, if it is a refusal; or the last error, when `signal` is aborted
   */
  async put(key: string, body: Buffer | string, signal: AbortSignal): Promise<void> {
    const { clock, random, complaints } = this.#options;
    this.#stuckSinceMs ??= clock.monotonic();
    this.#underWay += 1;
    let arrived = false;
    try {
      await persist(() => this.#put(key, body, signal), {
        clock,
        random,
        signal,
        hopeless: (error) => signal.aborted || isRefusal(error),
        onFailure: (error) => complaints.failed(error),
      });
      arrived = true;
    } catch (error) {
      if (isRefusal(error)) complaints.failed(error);
      throw error;
    } finally {
      this.#underWay -= 1;
      if (arrived) this.#stuckSinceMs = this.#underWay > 0 ? clock.monotonic() : undefined;
      else if (this.#underWay === 0 && !this.away) this.#stuckSinceMs = undefined;
    }
  }

  async #put(key: string, body: Buffer | string, signal: AbortSignal): Promise<void> {
    const { clients, bucket } = this.#options;
    const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, IfNoneMatch: '*' });
    try {
      await clients.s3.send(command, { abortSignal: signal });
    } catch (error) {
      // An earlier try of this very call got there, and only its answer was lost: no one else writes under this key.
      if (!(error instanceof Error && error.name === 'PreconditionFailed')) throw error;
    }
  }
}
