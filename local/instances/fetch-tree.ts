import { addAbortSignal, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import type { InstanceSpec } from './launcher.ts';
import { unzipInto } from './unzip.ts';

const TreeSchema = v.object({ bucket: v.string(), key: v.string(), region: v.optional(v.string()) });

const CredentialsSchema = v.object({
  AccessKeyId: v.string(),
  SecretAccessKey: v.string(),
  Token: v.string(),
});

/** The time-out of the boot script on an instance. */
const LONGEST_FETCH_MS = 120_000;

/**
 * Does what the boot script in the user-data does: downloads the zip that `tree.json` names, with the role credentials
 * from the instance's metadata, and unpacks it.
 *
 * @param longestMs the time-out of all of it
 * @throws if the role may not read the zip, it does not exist, or the time-out passes.
 */
export async function fetchTree(
  spec: Pick<InstanceSpec, 'awsEndpoint' | 'metadataEndpoint' | 'region'>,
  treeJson: string,
  directory: string,
  powerCut: AbortSignal,
  longestMs = LONGEST_FETCH_MS,
): Promise<void> {
  const late = AbortSignal.timeout(longestMs);
  const signal = AbortSignal.any([powerCut, late]);
  try {
    await fetchWhile(signal, spec, treeJson, directory);
  } catch (error) {
    if (!late.aborted) throw error;
    throw new Error(`the tree was not fetched within ${longestMs / 1000} s`, { cause: error });
  }
}

async function fetchWhile(
  signal: AbortSignal,
  spec: Pick<InstanceSpec, 'awsEndpoint' | 'metadataEndpoint' | 'region'>,
  treeJson: string,
  directory: string,
): Promise<void> {
  const tree = v.parse(TreeSchema, JSON.parse(treeJson));
  const s3 = new S3Client({
    endpoint: spec.awsEndpoint,
    region: tree.region ?? spec.region,
    forcePathStyle: true,
    credentials: await roleCredentials(spec.metadataEndpoint, signal),
  });
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: tree.bucket, Key: tree.key }), {
      abortSignal: signal,
    });
    if (!(Body instanceof Readable)) throw new Error(`s3://${tree.bucket}/${tree.key} has no body`);
    // The client's own signal ends with the first byte of the answer.
    unzipInto(directory, await buffer(addAbortSignal(signal, Body)));
  } finally {
    s3.destroy();
  }
}

async function roleCredentials(metadataEndpoint: string, signal: AbortSignal) {
  const token = await read(`${metadataEndpoint}/latest/api/token`, signal, {
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
  });
  const headers = { 'x-aws-ec2-metadata-token': token };
  const roles = `${metadataEndpoint}/latest/meta-data/iam/security-credentials/`;
  const role = await read(roles, signal, { headers });
  const keys = v.parse(CredentialsSchema, JSON.parse(await read(roles + role, signal, { headers })));
  return {
    accessKeyId: keys.AccessKeyId,
    secretAccessKey: keys.SecretAccessKey,
    sessionToken: keys.Token,
  };
}

async function read(url: string, signal: AbortSignal, options: RequestInit): Promise<string> {
  const response = await fetch(url, { ...options, signal });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
}
