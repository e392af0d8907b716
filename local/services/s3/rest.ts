import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from '../../front-door/dispatch.ts';
import { readBody } from '../../front-door/request.ts';
import type { StreamHandler } from '../../front-door/server.ts';
import { AwsError, type Operation, type Service } from '../../front-door/service.ts';
import type { Fauxqs } from '../fauxqs.ts';
import { objectPath, readS3Call, type S3Call } from './actions.ts';
import { deleteObjects } from './delete-objects.ts';
import type { ObjectEncryption } from './encryption.ts';
import { type BucketSettings, DEFAULT_BUCKET_REGION } from './settings.ts';
import { listVersions } from './version-list.ts';
import { refuseUnlessEmpty, serveVersion, type VersionStore, WRITES } from './version-requests.ts';
import type { Versions } from './versions.ts';
import type { WriteQueue } from './write-queue.ts';

/** Clients use it to find the text of an answer's root element. */
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** S3's wire protocol. fauxqs reads and answers most requests itself, with bodies unchanged. */
export function createS3Handler(
  service: Service,
  dispatcher: Dispatcher,
  fauxqs: Fauxqs,
  settings: BucketSettings,
  encryption: ObjectEncryption,
  versions: Versions,
  turns: WriteQueue,
): StreamHandler {
  return async (request, response, partialCall) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const host = request.headers.host ?? '';
    const copy = request.headers['x-amz-copy-source'] !== undefined;
    const s3Call = readS3Call(request.method ?? 'GET', host, url, copy);
    const call = { ...partialCall, action: s3Call.action };
    const input = { Bucket: s3Call.bucket, ...(s3Call.key ? { Key: s3Call.key } : {}) };
    const resourcePolicies = () => (s3Call.bucket ? settings.policiesOf(s3Call.bucket) : []);
    const may = (action: string, resource: string) =>
      dispatcher.allows(call, action, resource, resourcePolicies());
    const operation: Operation = {
      iamAction: s3Call.iamAction,
      resources: () => iamResources(s3Call),
      resourcePolicies,
      conditions: () => listConditions(s3Call, url),
      keyUses: () => encryption.usesOf(s3Call, request.headers),
      run: async () => {
        const { headers } = request;
        const { region } = call;
        await serve(request, response, url, s3Call, { fauxqs, settings, versions, turns, region, may });
        if (response.statusCode < 300) encryption.ended(s3Call, headers);
        return { StatusCode: response.statusCode };
      },
    };
    await dispatcher.perform(service, operation, input, call);
  };
}

/** DeleteObjects checks permissions for each key, when the keys are read. */
function iamResources({ action, bucket, key }: S3Call): string[] {
  if (action === 'DeleteObjects') return [];
  return [bucket ? s3Arn(bucket, key) : '*'];
}

function s3Arn(bucket: string, key?: string): string {
  return key ? `arn:aws:s3:::${bucket}/${key}` : `arn:aws:s3:::${bucket}`;
}

/** "Actions, resources, and condition keys for Amazon S3": the condition keys of a listing. */
function listConditions({ iamAction }: S3Call, url: URL): Record<string, string> {
  if (iamAction !== 'ListBucket') return {};
  const given = ['prefix', 'delimiter', 'max-keys'].flatMap((name): [string, string][] => {
    const value = url.searchParams.get(name);
    return value === null ? [] : [[`s3:${name}`, value]];
  });
  return Object.fromEntries(given);
}

interface Store extends VersionStore {
  settings: BucketSettings;
  turns: WriteQueue;
  /** The region that the caller signed for. */
  region: string;
  /** Whether the caller is also allowed this. */
  may(action: string, resource: string): boolean;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  call: S3Call,
  store: Store,
): Promise<void> {
  const { fauxqs, settings, versions, may } = store;
  if (call.missing) {
    throw new AwsError('NotImplemented', `The embedded cloud does not implement ${call.action} of S3.`, 501);
  }
  if (call.bucket && !call.key && call.action !== 'CreateBucket') await requireBucket(fauxqs, call.bucket);
  if (call.setting) return serveSetting(request, response, call, call.setting, settings);
  if (call.action === 'CreateBucket') return createBucket(request, response, call, store);
  if (call.action === 'GetBucketLocation') {
    const region = settings.regionOf(call.bucket);
    const constraint = region === DEFAULT_BUCKET_REGION ? '' : region;
    return answer(
      response,
      200,
      `<LocationConstraint xmlns="${NAMESPACE}">${constraint}</LocationConstraint>`,
    );
  }
  if (call.action === 'ListObjectVersions') {
    return answer(response, 200, listVersions(versions, call.bucket, url.searchParams));
  }
  if (call.action === 'DeleteObjects') {
    const mayDelete = (key: string, versionId: string | undefined) =>
      may(`s3:DeleteObject${versionId === undefined ? '' : 'Version'}`, s3Arn(call.bucket, key));
    return answer(response, 200, await deleteObjects(request, call.bucket, versions, mayDelete));
  }
  if (call.iamAction === 'GetObject' && !may('s3:ListBucket', s3Arn(call.bucket))) {
    await hideMissingKey(call, fauxqs);
  }
  await runExclusively(request, call, store, () => forwardToFauxqs(request, response, url, call, store));
}

/**
 * A write that depends on the present object, by its condition or its version, has exclusive access: writes of the same
 * object wait until it has ended.
 */
async function runExclusively(
  { headers }: IncomingMessage,
  { action, bucket, key }: S3Call,
  { versions, turns }: Store,
  task: () => Promise<void>,
): Promise<void> {
  const isConditional = headers['if-none-match'] !== undefined || headers['if-match'] !== undefined;
  const isExclusive = isConditional || versions.isVersioned(bucket) || turns.isBusy(bucket, key);
  if (WRITES.has(action) && isExclusive) await turns.run(bucket, key, task);
  else await task();
}

/** Passes a request to fauxqs. */
async function forwardToFauxqs(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  call: S3Call,
  store: Store,
): Promise<void> {
  const { fauxqs, settings, versions } = store;
  if (call.action === 'PutObject') await checkPreconditions(request, call, fauxqs);
  // fauxqs has a path style of its own; requests of both styles are converted to it.
  const path = call.key ? objectPath(call.bucket, call.key) : `/${encodeURIComponent(call.bucket)}`;
  request.url = `${path}${url.search}`;
  request.headers.host = '127.0.0.1';
  // "PutObject": S3's own default. fauxqs refuses a body without a type.
  if (!request.headers['content-type']) request.headers['content-type'] = 'binary/octet-stream';
  if (call.action === 'DeleteBucket') refuseUnlessEmpty(versions, call.bucket);
  const versionId = url.searchParams.get('versionId');
  if (call.key && (versionId !== null || versions.isVersioned(call.bucket))) {
    return serveVersion(request, response, { ...call, versionId }, store);
  }
  await fauxqs.serveS3(request, response);
  if (call.action === 'DeleteBucket' && response.statusCode < 300) {
    settings.forget(call.bucket);
    versions.forget(call.bucket);
  }
}

/** "CreateBucket": a bucket is created in the region that the call is sent to. The location constraint must name it. */
async function createBucket(
  request: IncomingMessage,
  response: ServerResponse,
  { bucket }: S3Call,
  { fauxqs, settings, region }: Store,
): Promise<void> {
  const body = await readBody(request);
  const constraint = /<LocationConstraint>(.*?)<\/LocationConstraint>/.exec(body.toString('utf8'))?.[1];
  if ((constraint ?? DEFAULT_BUCKET_REGION) !== region) {
    const message = `The ${constraint ?? 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`;
    throw new AwsError('IllegalLocationConstraintException', message);
  }
  const made = await fauxqs.s3({ method: 'PUT', url: `/${encodeURIComponent(bucket)}`, body });
  if (made.status < 300) settings.setRegion(bucket, region);
  response
    .writeHead(made.status, { location: `/${bucket}`, 'content-length': made.body.length })
    .end(made.body);
}

async function requireBucket(fauxqs: Fauxqs, bucket: string): Promise<void> {
  const { status } = await fauxqs.s3({ method: 'HEAD', url: `/${encodeURIComponent(bucket)}` });
  if (status === 404) throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404);
}

/** "GetObject", "HeadObject": a caller who may not list the bucket does not learn that a key is missing. */
async function hideMissingKey({ bucket, key }: S3Call, fauxqs: Fauxqs): Promise<void> {
  await requireBucket(fauxqs, bucket);
  const { status } = await fauxqs.s3({ method: 'HEAD', url: objectPath(bucket, key) });
  if (status === 404) throw new AwsError('AccessDenied', 'Access Denied', 403);
}

async function serveSetting(
  request: IncomingMessage,
  response: ServerResponse,
  { bucket }: S3Call,
  setting: string,
  settings: BucketSettings,
): Promise<void> {
  if (request.method === 'PUT') {
    settings.put(bucket, setting, (await readBody(request)).toString('utf8'));
    return answer(response, setting === 'policy' ? 204 : 200, '');
  }
  if (request.method === 'DELETE') {
    settings.remove(bucket, setting);
    return answer(response, 204, '');
  }
  answer(response, 200, settings.get(bucket, setting));
}

/** `If-None-Match: *` and `If-Match` of a write ("Conditional requests"), which fauxqs ignores. */
async function checkPreconditions(request: IncomingMessage, call: S3Call, fauxqs: Fauxqs): Promise<void> {
  const { 'if-none-match': ifNone, 'if-match': ifMatch } = request.headers;
  if (!ifNone && !ifMatch) return;
  const { status, headers } = await fauxqs.s3({ method: 'HEAD', url: objectPath(call.bucket, call.key) });
  const exists = status < 300;
  const same = exists && String(headers['etag']).replaceAll('"', '') === ifMatch?.replaceAll('"', '');
  if ((ifNone && exists) || (ifMatch && exists && !same)) {
    const message = 'At least one of the pre-conditions you specified did not hold';
    throw new AwsError('PreconditionFailed', message, 412);
  }
  if (ifMatch && !exists) throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404);
}

function answer(response: ServerResponse, status: number, body: string): void {
  const type = body.startsWith('{') ? 'application/json' : 'application/xml';
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}
