import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type { LogFacts, Stream } from './facts.ts';
import { sha256 } from './records.ts';

const KEY = /^jobs\/([^/]+)\/([^/]+)\/(stdout|stderr|index)\/(\d{8})$/;

/** The log of one try, while its objects are collected. */
interface Found {
  job: string;
  key: string;
  chunks: Record<Stream, Map<number, number>>;
  indices: Map<number, string>;
}

/**
 * Reads the job logs in the bucket.
 *
 * @param hashed the jobs whose streams are read and hashed
 * @throws Error for an object under `jobs/` that is not part of a log
 */
export async function readLogs(
  client: S3Client,
  bucket: string,
  hashed: ReadonlySet<string>,
): Promise<LogFacts[]> {
  const tries = new Map<string, Found>();
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client },
    { Bucket: bucket, Prefix: 'jobs/' },
  )) {
    for (const { Key = '', Size = 0 } of Contents) add(tries, Key, Size);
  }
  const read = (key: string) => readObject(client, bucket, key);
  return Promise.all([...tries.values()].map((found) => readFacts(found, read, hashed.has(found.job))));
}

function add(tries: Map<string, Found>, objectKey: string, size: number): void {
  const [, job = '', key = '', part, digits] = KEY.exec(objectKey) ?? [];
  if (part === undefined) throw new Error(`the log bucket has ${objectKey}, which is not part of a log`);
  const path = `jobs/${job}/${key}`;
  const found = tries.get(path) ?? {
    job,
    key,
    chunks: { stdout: new Map(), stderr: new Map() },
    indices: new Map(),
  };
  tries.set(path, found);
  if (part === 'index') found.indices.set(Number(digits), objectKey);
  else found.chunks[part as Stream].set(Number(digits), size);
}

type Read = (key: string) => Promise<Uint8Array>;

async function readFacts(found: Found, read: Read, hashed: boolean): Promise<LogFacts> {
  const { job, key, chunks, indices } = found;
  const ordered = [...indices].sort(([a], [b]) => a - b);
  const texts = await Promise.all(
    ordered.map(async ([, objectKey]) => String(Buffer.from(await read(objectKey)))),
  );
  const index = { numbers: ordered.map(([number]) => number), text: texts.join('') };
  if (!hashed) return { job, key, chunks, index };
  const digest = async (stream: Stream) => {
    const numbers = [...chunks[stream].keys()].sort((a, b) => a - b);
    const name = (number: number) => `jobs/${job}/${key}/${stream}/${String(number).padStart(8, '0')}`;
    return sha256(...(await Promise.all(numbers.map((number) => read(name(number))))));
  };
  return {
    job,
    key,
    chunks,
    index,
    sha256: { stdout: await digest('stdout'), stderr: await digest('stderr') },
  };
}

async function readObject(client: S3Client, Bucket: string, Key: string): Promise<Uint8Array> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return (await Body?.transformToByteArray()) ?? new Uint8Array();
}
