import { addAbortSignal, Readable } from 'node:stream';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { bodyKey } from './log-layout.ts';

const MIB = 1024 * 1024;

/** Longest body of a job, in bytes of UTF-8: whoever handles one holds all of it in memory. */
export const LONGEST_BODY = 64 * MIB;

/** A call may take this long, and a millisecond more for each so many bytes: 100 KB a second. */
const CALL_TIMEOUT_MS = 10_000;
const BYTES_PER_MS = 100;

/** There is no such body: it was removed, it has expired, or it was never put. */
export class BodyMissing extends Error {
  constructor(job: string, bucket: string) {
    super(`the body of job ${job} is not there: the bucket ${bucket} has no object ${bodyKey(job)}`);
    this.name = 'BodyMissing';
  }
}

export class BodyTooLong extends Error {
  constructor(job: string, bytes: number) {
    super(
      `the body of job ${job} has ${bytes} bytes, more than the ${LONGEST_BODY / MIB} MiB that a body may have`,
    );
    this.name = 'BodyTooLong';
  }
}

/** Bodies of jobs that are too long for a message or a record: text, each an object of the log bucket. */
export interface BodyStore {
  /** @throws BodyTooLong, or as the SDK does */
  put(job: string, text: string): Promise<void>;
  /** @throws BodyMissing, BodyTooLong, or as the SDK does */
  get(job: string): Promise<string>;
}

/** @param timeoutMs for a call, beside what the body takes */
export function bodyStore(s3: S3Client, bucket: string, timeoutMs = CALL_TIMEOUT_MS): BodyStore {
  const objectOf = (job: string) => ({ Bucket: bucket, Key: bodyKey(job) });
  const patienceMs = (bytes: number) => timeoutMs + Math.ceil(bytes / BYTES_PER_MS);
  return {
    async put(job, text) {
      const body = Buffer.from(text);
      if (body.length > LONGEST_BODY) throw new BodyTooLong(job, body.length);
      const command = new PutObjectCommand({
        ...objectOf(job),
        Body: body,
        ContentType: 'text/plain; charset=utf-8',
      });
      await s3.send(command, { requestTimeout: patienceMs(body.length) });
    },

    async get(job) {
      try {
        const { Body, ContentLength = 0 } = await s3.send(new GetObjectCommand(objectOf(job)));
        if (ContentLength > LONGEST_BODY) {
          // What is not read keeps the connection; its end is the only way to stop it.
          if (Body && 'destroy' in Body) Body.destroy();
          throw new BodyTooLong(job, ContentLength);
        }
        // The SDK's own patience ends with the first byte: a slot would wait for the rest for ever.
        if (Body instanceof Readable) addAbortSignal(AbortSignal.timeout(patienceMs(ContentLength)), Body);
        return (await Body?.transformToString()) ?? '';
      } catch (error) {
        throw error instanceof NoSuchKey ? new BodyMissing(job, bucket) : error;
      }
    },
  };
}
