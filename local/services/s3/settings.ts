import type { PolicyDocument } from '../../front-door/policy.ts';
import { element, escapeXml } from '../../front-door/protocol/xml.ts';
import { isStructure } from '../../front-door/read.ts';
import { readResourcePolicy } from '../../front-door/resource-policy.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import { type LifecycleRule, readLifecycleRules } from './lifecycle-rules.ts';
import type { VersioningStatus } from './versions.ts';

/**
 * The settings of buckets, returned as they were sent. The policy is evaluated at each call
 * (`front-door/authorize.ts`). Versioning is in `versions.ts`, expiration in `lifecycle.ts`, encryption in
 * `encryption.ts`. The other settings have no effect that could be seen here.
 */
export interface BucketSettings {
  /** `AwsError` for a policy that cannot be evaluated, and for a lifecycle rule that is not implemented here. */
  put(bucket: string, setting: string, document: string): void;
  /** The document, or the default of a new bucket. `AwsError` if S3 answers that there is none. */
  get(bucket: string, setting: string): string;
  /** The bucket's policy, if there is one. */
  policiesOf(bucket: string): readonly PolicyDocument[];
  versioningOf(bucket: string): VersioningStatus;
  /** The bucket's lifecycle rules that are enabled. */
  lifecycleOf(bucket: string): readonly LifecycleRule[];
  /** Sets the region of a new bucket. */
  setRegion(bucket: string, region: string): void;
  regionOf(bucket: string): string;
  remove(bucket: string, setting: string): void;
  forget(bucket: string): void;
}

/** The region of a bucket without a location constraint. */
export const DEFAULT_BUCKET_REGION = 'us-east-1';

/**
 * The answers for a new bucket ("Default encryption FAQ", "Blocking public access"), or the error for a missing
 * setting.
 */
const DEFAULTS: Record<string, string | AwsError> = {
  cors: none('NoSuchCORSConfiguration', 'The CORS configuration does not exist'),
  encryption:
    '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>',
  lifecycle: none('NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'),
  logging: '<BucketLoggingStatus/>',
  notification: '<NotificationConfiguration/>',
  ownershipControls:
    '<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>',
  policy: none('NoSuchBucketPolicy', 'The bucket policy does not exist'),
  publicAccessBlock:
    '<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>',
  tagging: none('NoSuchTagSet', 'The TagSet does not exist'),
  versioning: '<VersioningConfiguration/>',
};

function none(code: string, message: string): AwsError {
  return new AwsError(code, message, 404);
}

export function createBucketSettings(): BucketSettings {
  const documents = new Map<string, string>();
  const policies = new Map<string, PolicyDocument>();
  const lifecycles = new Map<string, readonly LifecycleRule[]>();
  const regions = new Map<string, string>();
  const id = (bucket: string, setting: string) => `${bucket}?${setting}`;
  return {
    put(bucket, setting, document) {
      if (setting === 'policy') policies.set(bucket, readBucketPolicy(bucket, document));
      if (setting === 'lifecycle') lifecycles.set(bucket, readLifecycleRules(document));
      documents.set(id(bucket, setting), document);
    },
    get(bucket, setting) {
      const document = documents.get(id(bucket, setting)) ?? DEFAULTS[setting];
      if (document instanceof AwsError) throw document;
      return document ?? '';
    },
    policiesOf(bucket) {
      const policy = policies.get(bucket);
      return policy ? [policy] : [];
    },
    versioningOf(bucket) {
      const status = /<Status>(.*?)<\/Status>/.exec(documents.get(id(bucket, 'versioning')) ?? '')?.[1];
      return status === 'Enabled' || status === 'Suspended' ? status : undefined;
    },
    lifecycleOf: (bucket) => lifecycles.get(bucket) ?? [],
    setRegion(bucket, region) {
      if (!regions.has(bucket)) regions.set(bucket, region);
    },
    regionOf: (bucket) => regions.get(bucket) ?? DEFAULT_BUCKET_REGION,
    remove(bucket, setting) {
      if (setting === 'policy') policies.delete(bucket);
      if (setting === 'lifecycle') lifecycles.delete(bucket);
      documents.delete(id(bucket, setting));
    },
    forget(bucket) {
      policies.delete(bucket);
      lifecycles.delete(bucket);
      regions.delete(bucket);
      for (const key of [...documents.keys()]) if (key.startsWith(`${bucket}?`)) documents.delete(key);
    },
  };
}

/** "PutBucketPolicy": every resource must be the bucket or an object in it. */
function readBucketPolicy(bucket: string, text: string): PolicyDocument {
  const policy = readResourcePolicy(text, 'MalformedPolicy');
  const arn = `arn:aws:s3:::${bucket}`;
  for (const { Resource, NotResource } of [policy.Statement].flat()) {
    const named = [Resource ?? NotResource ?? []].flat();
    if (named.length === 0) throw new AwsError('MalformedPolicy', 'Missing required field Resource');
    if (!named.every((one) => one === arn || one.startsWith(`${arn}/`))) {
      throw new AwsError('MalformedPolicy', 'Policy has invalid resource');
    }
  }
  return policy;
}

/** The member of the SDK's input that has the setting, and the root element of its document. */
const ROOTS: Record<string, { member: string; root: string }> = {
  cors: { member: 'CORSConfiguration', root: 'CORSConfiguration' },
  encryption: { member: 'ServerSideEncryptionConfiguration', root: 'ServerSideEncryptionConfiguration' },
  lifecycle: { member: 'LifecycleConfiguration', root: 'LifecycleConfiguration' },
  logging: { member: 'BucketLoggingStatus', root: 'BucketLoggingStatus' },
  notification: { member: 'NotificationConfiguration', root: 'NotificationConfiguration' },
  ownershipControls: { member: 'OwnershipControls', root: 'OwnershipControls' },
  publicAccessBlock: { member: 'PublicAccessBlockConfiguration', root: 'PublicAccessBlockConfiguration' },
  tagging: { member: 'Tagging', root: 'Tagging' },
  versioning: { member: 'VersioningConfiguration', root: 'VersioningConfiguration' },
};

/** Converts a setting in the SDK's names, from a call inside the cloud, into the document of the wire protocol. */
export function settingDocument(setting: string, input: Input): string {
  if (setting === 'policy') {
    const policy = input['Policy'];
    return typeof policy === 'string' ? policy : JSON.stringify(policy);
  }
  const names = ROOTS[setting];
  const value = names && input[names.member];
  if (!names || !isStructure(value)) {
    throw new AwsError('MalformedXML', `The request must contain ${names?.member ?? setting}.`);
  }
  return element(names.root, members(value));
}

/** S3 writes lists flat, one element per item, in the singular. Only `TagSet` has a level of its own. */
function members(value: Input): string {
  return Object.entries(value)
    .map(([name, member]) => {
      if (name === 'TagSet' && Array.isArray(member)) {
        return element(name, member.map((tag: Input) => element('Tag', members(tag))).join(''));
      }
      if (Array.isArray(member))
        return member.map((item) => element(name.replace(/s$/, ''), content(item))).join('');
      return member === undefined ? '' : element(name, content(member));
    })
    .join('');
}

function content(value: unknown): string {
  return isStructure(value) ? members(value) : escapeXml(String(value));
}
