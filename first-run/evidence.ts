import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { INSTANCE_LOG_PREFIX } from '../store/bucket-keys.ts';
import type { FirstRun } from './run.ts';

/** The file name of a saved log. It has the instance id, because two instances may save theirs in one second. */
export function evidenceName(key: string): string {
  return key.slice(INSTANCE_LOG_PREFIX.length).replaceAll('/', '-');
}

/** Saves the state and the logs of a fleet before it is deleted. Rejects if there is no fleet. */
export async function saveEvidence(run: FirstRun, directory: string): Promise<void> {
  const fleet = await run.fleet();
  await mkdir(directory, { recursive: true });
  const write = (name: string, value: unknown) =>
    writeFile(join(directory, name), `${JSON.stringify(value, undefined, 2)}\n`);
  await write('doctor.json', await fleet.diagnose());
  await write('fleet.json', await fleet.describe({ retired: 20 }));
  await write('jobs.json', await fleet.list());
  const Bucket = fleet.facts.logBucket;
  const { Contents = [] } = await run.clients.s3.send(
    new ListObjectsV2Command({ Bucket, Prefix: INSTANCE_LOG_PREFIX }),
  );
  for (const { Key = '' } of Contents) {
    const { Body } = await run.clients.s3.send(new GetObjectCommand({ Bucket, Key }));
    await writeFile(join(directory, evidenceName(Key)), (await Body?.transformToByteArray()) ?? '');
  }
}
