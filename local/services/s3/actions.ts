/** An S3 request, as the other parts of the cloud see it. */
export interface S3Call {
  bucket: string;
  key: string;
  action: string;
  /**
   * The action that IAM checks: `HeadObject` needs `s3:GetObject` ("Actions, resources, and condition keys for Amazon
   * S3").
   */
  iamAction: string;
  /** A setting of the bucket, such as `policy` or `encryption`. This cloud stores them, not fauxqs. */
  setting?: string;
  /** fauxqs does not implement it: the answer is S3's `NotImplemented`. */
  missing?: true;
}

/** A bucket's settings by query parameter, with the end of the names of the API action and of IAM's action. */
export const SETTINGS: Record<string, { action: string; iam?: string }> = {
  cors: { action: 'BucketCors', iam: 'BucketCORS' },
  encryption: { action: 'BucketEncryption', iam: 'EncryptionConfiguration' },
  lifecycle: { action: 'BucketLifecycleConfiguration', iam: 'LifecycleConfiguration' },
  logging: { action: 'BucketLogging' },
  notification: { action: 'BucketNotificationConfiguration', iam: 'BucketNotification' },
  ownershipControls: { action: 'BucketOwnershipControls' },
  policy: { action: 'BucketPolicy' },
  publicAccessBlock: { action: 'PublicAccessBlock', iam: 'BucketPublicAccessBlock' },
  tagging: { action: 'BucketTagging' },
  versioning: { action: 'BucketVersioning' },
};

/** Parameters that select another operation, which is not implemented. */
const MISSING = [
  'accelerate',
  'acl',
  'analytics',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'metrics',
  'object-lock',
  'policyStatus',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'torrent',
  'website',
];

/** Reads bucket and key from host and path, in either style. */
export function bucketAndKey(host: string, path: string): { bucket: string; key: string } {
  const segments = path.replace(/^\//, '');
  const hosted = bucketOfHost(host.replace(/:\d+$/, ''));
  if (hosted) return { bucket: hosted, key: decodeURIComponent(segments) };
  const slash = segments.indexOf('/');
  if (slash < 0) return { bucket: decodeURIComponent(segments), key: '' };
  return {
    bucket: decodeURIComponent(segments.slice(0, slash)),
    key: decodeURIComponent(segments.slice(slash + 1)),
  };
}

/** The path of an object in the style that fauxqs requests have here. */
export function objectPath(bucket: string, key: string): string {
  return `/${encodeURIComponent(bucket)}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** `bucket.s3.us-east-1.amazonaws.com`, `bucket.localhost`; undefined if the host names no bucket. */
function bucketOfHost(host: string): string | undefined {
  if (/^[\d.]+$/.test(host) || /^(localhost$|s3[.-])/.test(host)) return undefined;
  return /^(.+?)\.(?:s3[.-].*|localhost)$/.exec(host)?.[1];
}

export function readS3Call(method: string, host: string, url: URL, copySource: boolean): S3Call {
  const { bucket, key } = bucketAndKey(host, url.pathname);
  const query = url.searchParams;
  const missing = MISSING.find((name) => query.has(name));
  if (missing) return { bucket, key, action: `${method}?${missing}`, iamAction: '', missing: true };
  if (!bucket) return { bucket, key, action: 'ListBuckets', iamAction: 'ListAllMyBuckets' };
  if (key) return { bucket, key, ...objectAction(method, query, copySource) };
  return { bucket, key, ...bucketAction(method, query) };
}

type Action = Omit<S3Call, 'bucket' | 'key'>;

function bucketAction(method: string, query: URLSearchParams): Action {
  const setting = Object.keys(SETTINGS).find((name) => query.has(name));
  if (setting) return settingAction(method, setting);
  if (query.has('location')) return { action: 'GetBucketLocation', iamAction: 'GetBucketLocation' };
  if (query.has('uploads'))
    return { action: 'ListMultipartUploads', iamAction: 'ListBucketMultipartUploads', missing: true };
  if (query.has('versions')) return { action: 'ListObjectVersions', iamAction: 'ListBucketVersions' };
  switch (method) {
    case 'PUT':
      return { action: 'CreateBucket', iamAction: 'CreateBucket' };
    case 'DELETE':
      return { action: 'DeleteBucket', iamAction: 'DeleteBucket' };
    case 'HEAD':
      return { action: 'HeadBucket', iamAction: 'ListBucket' };
    case 'POST':
      return query.has('delete')
        ? { action: 'DeleteObjects', iamAction: 'DeleteObject' }
        : { action: 'PostObject', iamAction: 'PutObject' };
    default:
      return { action: query.has('list-type') ? 'ListObjectsV2' : 'ListObjects', iamAction: 'ListBucket' };
  }
}

function settingAction(method: string, setting: string): Action {
  const names = SETTINGS[setting];
  const verb = method === 'PUT' ? 'Put' : method === 'DELETE' ? 'Delete' : 'Get';
  // Deleting a setting needs the permission to put it. The policy is an exception.
  const iamVerb = verb === 'Delete' && setting !== 'policy' ? 'Put' : verb;
  return {
    action: `${verb}${names?.action}`,
    iamAction: `${iamVerb}${names?.iam ?? names?.action}`,
    setting,
  };
}

function objectAction(method: string, query: URLSearchParams, copySource: boolean): Action {
  if (query.has('tagging')) return { action: `${method}?tagging`, iamAction: '', missing: true };
  const upload = query.has('uploadId');
  const version = query.has('versionId') ? 'Version' : '';
  switch (method) {
    case 'PUT':
      if (query.has('renameObject')) return { action: 'RenameObject', iamAction: 'PutObject' };
      if (upload) return { action: copySource ? 'UploadPartCopy' : 'UploadPart', iamAction: 'PutObject' };
      return { action: copySource ? 'CopyObject' : 'PutObject', iamAction: 'PutObject' };
    case 'POST':
      return { action: upload ? 'CompleteMultipartUpload' : 'CreateMultipartUpload', iamAction: 'PutObject' };
    case 'DELETE':
      return upload
        ? { action: 'AbortMultipartUpload', iamAction: 'AbortMultipartUpload' }
        : { action: 'DeleteObject', iamAction: `DeleteObject${version}` };
    case 'HEAD':
      return { action: 'HeadObject', iamAction: `GetObject${version}` };
    default:
      if (upload) return { action: 'ListParts', iamAction: 'ListMultipartUploadParts', missing: true };
      return query.has('attributes')
        ? { action: 'GetObjectAttributes', iamAction: 'GetObjectAttributes' }
        : { action: 'GetObject', iamAction: `GetObject${version}` };
  }
}
