import { readFile } from 'node:fs/promises';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { AgentConfigInput } from '../../agent/config/agent-config.ts';
import type { TryLog } from '../../jobs/record.ts';
import type { CallRecord } from '../../local/front-door/call-log.ts';
import { eventually } from './eventually.ts';
import type { Agent, TestQueue } from './test-queue.ts';

/** A bench with a log bucket, and direct access to jobs' logs in table and bucket. */
export interface LogBench {
  bench: TestQueue;
  bucket: string;
  agent(script: string, config?: Partial<AgentConfigInput>): Promise<Agent>;
  /** Sends a job, resumes the agent and returns the job's id. */
  send(agent: Agent, body?: string): Promise<string>;
  /** The log of a try in its record. Default: the last try. */
  log(job: string, attempt?: number): Promise<TryLog | undefined>;
  /** The same, once it meets the condition. */
  logWhen(job: string, wanted: (log: TryLog) => boolean): Promise<TryLog>;
  /** Keys in the bucket. */
  keys(): Promise<string[]>;
  /** One part of a try's log in the bucket: all of its chunks, whether the record has them or not. */
  part(job: string, part: 'stdout' | 'stderr' | 'index', attempt?: number): Promise<Buffer>;
  /** The calls to the bucket so far. */
  calls(): Promise<CallRecord[]>;
}

let buckets = 0;

export async function openLogBench(open: () => Promise<TestQueue>): Promise<LogBench> {
  const bench = await open();
  buckets += 1;
  const bucket = `logs-${buckets}`;
  await bench.cloud.call('s3', 'CreateBucket', { Bucket: bucket });
  const { s3 } = bench.clients;
  const log = async (job: string, attempt?: number) => {
    const tries = (await bench.table.get(job))?.tries ?? [];
    return tries.at(attempt === undefined ? -1 : attempt - 1)?.log;
  };
  const keys = async () => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    return Contents.map(({ Key = '' }) => Key);
  };
  return {
    bench,
    bucket,
    log,
    keys,
    agent: (script, config) => bench.agent(script, { logBucket: bucket, ...config }),
    async send(agent, body = 'x') {
      const id = `m-${await bench.send(body)}`;
      agent.work.resume();
      return id;
    },
    logWhen: (job, wanted) =>
      eventually(`the log of ${job}`, async () => {
        const found = await log(job);
        return found && wanted(found) && found;
      }),
    async part(job, part, attempt) {
      const tries = (await bench.table.get(job))?.tries ?? [];
      const { key = '' } = tries.at(attempt === undefined ? -1 : attempt - 1) ?? {};
      const prefix = `jobs/${job}/${key}/${part}/`;
      const own = (await keys()).filter((one) => one.startsWith(prefix)).toSorted();
      const numbers = own.map((one) => one.slice(prefix.length));
      const wanted = own.map((_, index) => String(index + 1).padStart(8, '0'));
      if (String(numbers) !== String(wanted)) throw new Error(`chunks of ${part}: ${numbers}`);
      const bodies = own.map(async (Key) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
        return Buffer.from((await Body?.transformToByteArray()) ?? []);
      });
      return Buffer.concat(await Promise.all(bodies));
    },
    async calls() {
      const text = await readFile(bench.cloud.logFile, 'utf8');
      const records = text.split('\n').flatMap((line): CallRecord[] => (line ? [JSON.parse(line)] : []));
      return records.filter(
        ({ service, input, action }) =>
          service === 's3' && action === 'PutObject' && (input as { Bucket?: string }).Bucket === bucket,
      );
    },
  };
}

/** The lines of indices: epoch milliseconds, stream, bytes. Lost bytes are negative. */
export function momentsOf(index: Buffer): [ms: number, stream: number, bytes: number][] {
  const lines = index.toString().split('\n').slice(0, -1);
  return lines.map((line) => {
    const [ms, stream, bytes] = line.split(' ').map(Number);
    return [ms ?? 0, stream ?? 0, bytes ?? 0];
  });
}

/** Both streams in the order of an index. `lost` replaces lost bytes. */
export function interleaved(index: Buffer, stdout: Buffer, stderr: Buffer, lost = '?'): string {
  const at = [0, 0];
  return momentsOf(index)
    .map(([, stream, bytes]) => {
      if (bytes < 0) return lost;
      const from = at[stream - 1] ?? 0;
      at[stream - 1] = from + bytes;
      return (stream === 1 ? stdout : stderr).subarray(from, from + bytes).toString();
    })
    .join('');
}
