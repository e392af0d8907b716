import { createHash } from 'node:crypto';
import { addAbortSignal, Readable } from 'node:stream';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { bodyKey } from '../jobs/body-key.ts';

const MIB = 1024 * 1024;

/** The longest body of a job, in bytes of UTF-8. Agent and client hold a whole body in memory. */
export const MAX_BODY_BYTES = 64 * MIB;

/** Timeout of a call, and the bytes that add a millisecond to it: 100 KB a second. */
const CALL_TIMEOUT_MS = 10_000;
const BYTES_PER_MS = 100;

/** The job cannot run with its body, and a retry would find the same. */
export class BodyUnusableError extends Error {}

/** The body was removed, has expired, or was never put. */
export class BodyMissingError extends BodyUnusableError {
  constructor(job: string, bucket: string) {
    super(`the body of job ${job} is not there: the bucket ${bucket} has no object ${bodyKey(job)}`);
    this.name = 'BodyMissingError';
  }
}

/** The body in the bucket is not the one that the job was enqueued with. */
export class BodyReplacedError extends BodyUnusableError {
  constructor(job: string, bucket: string) {
    super(
      `the body of job ${job} is not the one that it was enqueued with: ${bodyKey(job)} of the bucket ${bucket} has ` +
        'another digest',
    );
    this.name = 'BodyReplacedError';
  }
}

/** A message names the body of a job that it was not enqueued with. */
export class ForeignBodyError extends BodyUnusableError {
  constructor(job: string) {
    super(`its body is that of job ${job}, with which it was not enqueued`);
    this.name = 'ForeignBodyError';
  }
}

export class BodyTooLongError extends BodyUnusableError {
  constructor(job: string, bytes: number) {
    super(
      `the body of job ${job} has ${bytes} bytes, more than the ${MAX_BODY_BYTES / MIB} MiB that a body may have`,
    );
    this.name = 'BodyTooLongError';
  }
}

/** Bodies of jobs that are too long for a message or a record. Each is a text and an object of the log bucket. */
export interface BodyStore {
  /**
   * Puts a body. An existing one stays.
   *
   * @param replaces whether an existing one is overwritten: an earlier job with the same dedupe key has left it
   * @throws BodyTooLongError, or as the SDK does
   */
  put(job: string, text: string, replaces?: boolean): Promise<void>;
  /**
   * @param digest that the body must have (`digestBody`). Absent: an earlier version enqueued the job.
   * @throws BodyMissingError, BodyReplacedError, BodyTooLongError, or as the SDK does
   */
  get(job: string, digest?: string): Promise<string>;
}

/** The digest that a record keeps of a body in the bucket: SHA-256 of its UTF-8, in base64. */
export function digestBody(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** Attempts to put a body that somebody else puts at the same time. */
const MOST_PUTS = 3;

/** @param timeoutMs for a call, in addition to the time for the body */
export function createBodyStore(s3: S3Client, bucket: string, timeoutMs = CALL_TIMEOUT_MS): BodyStore {
  const objectFor = (job: string) => ({ Bucket: bucket, Key: bodyKey(job) });
  const callTimeoutMs = (bytes: number) => timeoutMs + Math.ceil(bytes / BYTES_PER_MS);
  return {
    async put(job, text, replaces = false) {
      const body = Buffer.from(text);
      if (body.length > MAX_BODY_BYTES) throw new BodyTooLongError(job, body.length);
      const object = { ...objectFor(job), Body: body, ContentType: 'text/plain; charset=utf-8' };
      const send = (how: { IfNoneMatch?: string }) =>
        s3.send(new PutObjectCommand({ ...object, ...how }), { requestTimeout: callTimeoutMs(body.length) });
      // There may be one, from an earlier send of the same job or from this call if its response was lost.
      if (!(await putIfAbsent(() => send({ IfNoneMatch: '*' }))) && replaces) await send({});
    },

    async get(job, digest) {
      try {
        const { Body, ContentLength = 0 } = await s3.send(new GetObjectCommand(objectFor(job)));
        if (ContentLength > MAX_BODY_BYTES) {
          // A body that is not read keeps its connection. Destroying it is the only way to release that.
          if (Body && 'destroy' in Body) Body.destroy();
          throw new BodyTooLongError(job, ContentLength);
        }
        // The SDK's timeout ends with the first byte. Without this one a slot could wait for the rest for ever.
        if (Body instanceof Readable) addAbortSignal(AbortSignal.timeout(callTimeoutMs(ContentLength)), Body);
        const text = (await Body?.transformToString()) ?? '';
        if (digest !== undefined && digestBody(text) !== digest) throw new BodyReplacedError(job, bucket);
        return text;
      } catch (error) {
        throw error instanceof NoSuchKey ? new BodyMissingError(job, bucket) : error;
      }
    },
  };
}

/**
 * True: the conditional put succeeded. False: there is an object already. If two puts come at the same time, S3 asks for a
 * retry ("PutObject": `ConditionalRequestConflict`), and the SDK does not retry.
 */
async function putIfAbsent(put: () => Promise<unknown>): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      await put();
      return true;
    } catch (error) {
      const name = error instanceof Error ? error.name : '';
      if (name === 'PreconditionFailed') return false;
      if (name !== 'ConditionalRequestConflict' || tries === MOST_PUTS) throw error;
    }
  }
}
