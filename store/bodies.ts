import { createHash } from 'node:crypto';
import { addAbortSignal, Readable } from 'node:stream';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { bodyKey } from '../jobs/body-key.ts';

const MIB = 1024 * 1024;

/** Longest body of a job, in bytes of UTF-8: whoever handles one holds all of it in memory. */
export const LONGEST_BODY = 64 * MIB;

/** A call may take this long, and a millisecond more for each so many bytes: 100 KB a second. */
const CALL_TIMEOUT_MS = 10_000;
const BYTES_PER_MS = 100;

/** There is no body with which the job may run, and it will be so the next time too. */
export class BodyUnusable extends Error {}

/** There is no such body: it was removed, it has expired, or it was never put. */
export class BodyMissing extends BodyUnusable {
  constructor(job: string, bucket: string) {
    super(`the body of job ${job} is not there: the bucket ${bucket} has no object ${bodyKey(job)}`);
    this.name = 'BodyMissing';
  }
}

/** What is in the bucket is not what was put there when the job was enqueued. */
export class BodyReplaced extends BodyUnusable {
  constructor(job: string, bucket: string) {
    super(
      `the body of job ${job} is not the one that it was enqueued with: ${bodyKey(job)} of the bucket ${bucket} has ` +
        'another digest',
    );
    this.name = 'BodyReplaced';
  }
}

/** A message names the body of a job that it was not enqueued with. */
export class BodyOfAnother extends BodyUnusable {
  constructor(job: string) {
    super(`its body is that of job ${job}, with which it was not enqueued`);
    this.name = 'BodyOfAnother';
  }
}

export class BodyTooLong extends BodyUnusable {
  constructor(job: string, bytes: number) {
    super(
      `the body of job ${job} has ${bytes} bytes, more than the ${LONGEST_BODY / MIB} MiB that a body may have`,
    );
    this.name = 'BodyTooLong';
  }
}

/** Bodies of jobs that are too long for a message or a record: text, each an object of the log bucket. */
export interface BodyStore {
  /**
   * Puts a body where there is none: one that is there stays.
   *
   * @param replaces whether one that is there is written over: an earlier job with the same dedupe key has left it
   * @throws BodyTooLong, or as the SDK does
   */
  put(job: string, text: string, replaces?: boolean): Promise<void>;
  /**
   * @param digest that it has to have (`digestOfBody`); of a job that an earlier version enqueued none is known
   * @throws BodyMissing, BodyReplaced, BodyTooLong, or as the SDK does
   */
  get(job: string, digest?: string): Promise<string>;
}

/** What a record says of a body in the bucket: SHA-256 of its UTF-8, in base64. */
export function digestOfBody(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** Of a body that somebody else puts at the same time. */
const MOST_PUTS = 3;

/** @param timeoutMs for a call, beside what the body takes */
export function bodyStore(s3: S3Client, bucket: string, timeoutMs = CALL_TIMEOUT_MS): BodyStore {
  const objectOf = (job: string) => ({ Bucket: bucket, Key: bodyKey(job) });
  const patienceMs = (bytes: number) => timeoutMs + Math.ceil(bytes / BYTES_PER_MS);
  return {
    async put(job, text, replaces = false) {
      const body = Buffer.from(text);
      if (body.length > LONGEST_BODY) throw new BodyTooLong(job, body.length);
      const object = { ...objectOf(job), Body: body, ContentType: 'text/plain; charset=utf-8' };
      const send = (how: { IfNoneMatch?: string }) =>
        s3.send(new PutObjectCommand({ ...object, ...how }), { requestTimeout: patienceMs(body.length) });
      // There may be one: of an earlier send of the same job, or of this very call whose answer was lost.
      if (!(await isPut(() => send({ IfNoneMatch: '*' }))) && replaces) await send({});
    },

    async get(job, digest) {
      try {
        const { Body, ContentLength = 0 } = await s3.send(new GetObjectCommand(objectOf(job)));
        if (ContentLength > LONGEST_BODY) {
          // What is not read keeps the connection; its end is the only way to stop it.
          if (Body && 'destroy' in Body) Body.destroy();
          throw new BodyTooLong(job, ContentLength);
        }
        // The SDK's own patience ends with the first byte: a slot would wait for the rest for ever.
        if (Body instanceof Readable) addAbortSignal(AbortSignal.timeout(patienceMs(ContentLength)), Body);
        const text = (await Body?.transformToString()) ?? '';
        if (digest !== undefined && digestOfBody(text) !== digest) throw new BodyReplaced(job, bucket);
        return text;
      } catch (error) {
        throw error instanceof NoSuchKey ? new BodyMissing(job, bucket) : error;
      }
    },
  };
}

/**
 * Whether a conditional put was made; else there is an object already. Two puts at the same time make S3 ask for another
 * try ("PutObject": `ConditionalRequestConflict`), which the SDK does not make.
 */
async function isPut(put: () => Promise<unknown>): Promise<boolean> {
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
