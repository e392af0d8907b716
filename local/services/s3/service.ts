import { text } from '../../front-door/read.ts';
import { AwsError, type Input, type Operation, type Service } from '../../front-door/service.ts';
import type { Fauxqs, S3Request } from '../fauxqs.ts';
import type { HttpResponse } from '../in-process.ts';
import { objectPath, SETTINGS } from './actions.ts';
import { type BucketSettings, settingDocument } from './settings.ts';
import { refuseUnlessEmpty } from './version-requests.ts';
import type { Versions } from './versions.ts';

/**
 * S3 for calls from inside the cloud: CloudFormation creates buckets with it, and Lambda and instances read assets. The
 * wire protocol is in `rest.ts`.
 *
 * @param standIns buckets that whoever creates one of the same name replaces: `bootstrap.ts`
 */
export function createS3(
  fauxqs: Fauxqs,
  settings: BucketSettings,
  versions: Versions,
  standIns: Set<string>,
): Service {
  const bucketUrl = (input: Input) => `/${encodeURIComponent(text(input, 'Bucket'))}`;
  const objectUrl = (input: Input) => objectPath(text(input, 'Bucket'), text(input, 'Key'));
  const on = (
    make: (input: Input) => S3Request,
    read: (answer: HttpResponse) => Input = () => ({}),
  ): Operation => ({
    run: async (input) => read(succeeded(await fauxqs.s3(make(input)))),
  });
  const operations: Record<string, Operation> = {
    CreateBucket: {
      run: async (input, { region }) => {
        const Bucket = text(input, 'Bucket');
        const isThere = (await fauxqs.s3({ method: 'HEAD', url: bucketUrl(input) })).status < 300;
        if (isThere && !standIns.delete(Bucket)) throw alreadyOwned();
        if (!isThere) succeeded(await fauxqs.s3({ method: 'PUT', url: bucketUrl(input) }));
        settings.setRegion(Bucket, region);
        return {};
      },
    },
    HeadBucket: on((input) => ({ method: 'HEAD', url: bucketUrl(input) })),
    DeleteBucket: {
      run: async (input) => {
        refuseUnlessEmpty(versions, text(input, 'Bucket'));
        succeeded(await fauxqs.s3({ method: 'DELETE', url: bucketUrl(input) }));
        settings.forget(text(input, 'Bucket'));
        versions.forget(text(input, 'Bucket'));
        return {};
      },
    },
    GetObject: on(
      (input) => ({ method: 'GET', url: objectUrl(input) }),
      ({ body, headers }) => ({ Body: body, ETag: headers['etag'], ContentLength: body.length }),
    ),
    HeadObject: on(
      (input) => ({ method: 'HEAD', url: objectUrl(input) }),
      ({ headers }) => ({ ETag: headers['etag'], ContentLength: Number(headers['content-length']) }),
    ),
    PutObject: on(
      (input) => ({ method: 'PUT', url: objectUrl(input), body: bytesOf(input['Body']) }),
      ({ headers }) => ({ ETag: headers['etag'] }),
    ),
    DeleteObject: on((input) => ({ method: 'DELETE', url: objectUrl(input) })),
  };
  for (const setting of Object.keys(SETTINGS))
    Object.assign(operations, settingOperations(setting, settings));
  return { name: 's3', operations };
}

function alreadyOwned(): AwsError {
  const message = 'Your previous request to create the named bucket succeeded and you already own it.';
  return new AwsError('BucketAlreadyOwnedByYou', message, 409);
}

function settingOperations(setting: string, settings: BucketSettings): Record<string, Operation> {
  const name = SETTINGS[setting]?.action;
  return {
    [`Put${name}`]: {
      run: (input) => settings.put(text(input, 'Bucket'), setting, settingDocument(setting, input)) ?? {},
    },
    [`Delete${name}`]: { run: (input) => settings.remove(text(input, 'Bucket'), setting) ?? {} },
  };
}

function bytesOf(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  if (typeof body === 'string') return Buffer.from(body);
  throw new AwsError('InvalidArgument', 'Body must be a string or bytes.');
}

function succeeded(answer: HttpResponse): HttpResponse {
  if (answer.status < 300) return answer;
  const xml = answer.body.toString('utf8');
  const code = /<Code>(.*?)<\/Code>/.exec(xml)?.[1] ?? (answer.status === 404 ? 'NotFound' : 'InternalError');
  const message = /<Message>(.*?)<\/Message>/.exec(xml)?.[1] ?? code;
  throw new AwsError(code, message, answer.status);
}
