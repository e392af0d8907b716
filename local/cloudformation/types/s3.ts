import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  booleanProperty,
  documentProperty,
  ignoreErrors,
  mergeTagList,
  numberProperty,
  policyText,
  properties,
  tagListProperty,
  textListProperty,
  textProperty,
} from './properties.ts';

const GONE = ['NoSuchBucket', 'NoSuchBucketPolicy', 'NotFound'];

const encryptionRule = properties({
  BucketKeyEnabled: v.optional(booleanProperty),
  ServerSideEncryptionByDefault: v.optional(
    properties({ KMSMasterKeyID: v.optional(textProperty), SSEAlgorithm: textProperty }),
  ),
});
const lifecycleRule = properties({
  AbortIncompleteMultipartUpload: v.optional(properties({ DaysAfterInitiation: numberProperty })),
  ExpirationDate: v.optional(textProperty),
  ExpirationInDays: v.optional(numberProperty),
  ExpiredObjectDeleteMarker: v.optional(booleanProperty),
  Id: v.optional(textProperty),
  NoncurrentVersionExpiration: v.optional(
    properties({ NewerNoncurrentVersions: v.optional(numberProperty), NoncurrentDays: numberProperty }),
  ),
  Prefix: v.optional(textProperty, ''),
  Status: textProperty,
});
const corsRule = properties({
  AllowedHeaders: v.optional(textListProperty),
  AllowedMethods: textListProperty,
  AllowedOrigins: textListProperty,
  ExposedHeaders: v.optional(textListProperty),
  Id: v.optional(textProperty),
  MaxAge: v.optional(numberProperty),
});

const bucketSchema = properties({
  // Access control lists are not implemented here: only the account has access.
  AccessControl: v.optional(v.literal('Private')),
  BucketEncryption: v.optional(properties({ ServerSideEncryptionConfiguration: v.array(encryptionRule) })),
  BucketName: v.optional(textProperty),
  CorsConfiguration: v.optional(properties({ CorsRules: v.array(corsRule) })),
  LifecycleConfiguration: v.optional(properties({ Rules: v.array(lifecycleRule) })),
  OwnershipControls: v.optional(
    properties({ Rules: v.array(properties({ ObjectOwnership: textProperty })) }),
  ),
  PublicAccessBlockConfiguration: v.optional(
    properties({
      BlockPublicAcls: v.optional(booleanProperty),
      BlockPublicPolicy: v.optional(booleanProperty),
      IgnorePublicAcls: v.optional(booleanProperty),
      RestrictPublicBuckets: v.optional(booleanProperty),
    }),
  ),
  Tags: v.optional(tagListProperty),
  VersioningConfiguration: v.optional(properties({ Status: textProperty })),
});
type BucketProps = v.InferOutput<typeof bucketSchema>;

/** How each setting is put, in the API's names; undefined if the template does not have it. */
function settingsOf(props: BucketProps, context: ResourceContext) {
  const { BucketEncryption: encryption, CorsConfiguration: cors, LifecycleConfiguration: lifecycle } = props;
  return {
    BucketEncryption: encryption && {
      ServerSideEncryptionConfiguration: {
        Rules: encryption.ServerSideEncryptionConfiguration.map(
          ({ ServerSideEncryptionByDefault: ApplyServerSideEncryptionByDefault, BucketKeyEnabled }) => ({
            ApplyServerSideEncryptionByDefault,
            BucketKeyEnabled,
          }),
        ),
      },
    },
    BucketCors: cors && {
      CORSConfiguration: {
        CORSRules: cors.CorsRules.map(({ Id, MaxAge, ExposedHeaders, ...rule }) => ({
          ...rule,
          ...{ ID: Id, MaxAgeSeconds: MaxAge, ExposeHeaders: ExposedHeaders },
        })),
      },
    },
    BucketLifecycleConfiguration: lifecycle && {
      LifecycleConfiguration: { Rules: lifecycle.Rules.map(lifecycleRuleOf) },
    },
    BucketOwnershipControls: props.OwnershipControls && { OwnershipControls: props.OwnershipControls },
    PublicAccessBlock: props.PublicAccessBlockConfiguration && {
      PublicAccessBlockConfiguration: props.PublicAccessBlockConfiguration,
    },
    BucketTagging: { Tagging: { TagSet: mergeTagList(props.Tags, context) } },
    BucketVersioning: props.VersioningConfiguration && {
      VersioningConfiguration: props.VersioningConfiguration,
    },
  };
}

function lifecycleRuleOf(rule: v.InferOutput<typeof lifecycleRule>) {
  const expiration = {
    ...(rule.ExpirationInDays !== undefined && { Days: rule.ExpirationInDays }),
    ...(rule.ExpirationDate !== undefined && { Date: rule.ExpirationDate }),
    ...(rule.ExpiredObjectDeleteMarker && { ExpiredObjectDeleteMarker: true }),
  };
  return {
    ID: rule.Id,
    Filter: { Prefix: rule.Prefix },
    Status: rule.Status,
    Expiration: Object.keys(expiration).length > 0 ? expiration : undefined,
    AbortIncompleteMultipartUpload: rule.AbortIncompleteMultipartUpload,
    NoncurrentVersionExpiration: rule.NoncurrentVersionExpiration,
  };
}

async function putSettings(
  Bucket: string,
  props: BucketProps,
  previous: BucketProps,
  context: ResourceContext,
) {
  const before = settingsOf(previous, { ...context, stackTags: context.previousStackTags });
  for (const [setting, input] of Object.entries(settingsOf(props, context))) {
    if (input) await context.call('s3', `Put${setting}`, { Bucket, ...input });
    else if (before[setting as keyof typeof before]) await dropSetting(Bucket, setting, context);
  }
}

async function dropSetting(Bucket: string, setting: string, { call }: ResourceContext): Promise<void> {
  if (setting === 'BucketVersioning') {
    // Versioning can only be suspended once it was enabled.
    await call('s3', 'PutBucketVersioning', { Bucket, VersioningConfiguration: { Status: 'Suspended' } });
  } else {
    await call('s3', `Delete${setting}`, { Bucket });
  }
}

const bucket = resourceType<BucketProps>({
  type: 'AWS::S3::Bucket',
  schema: bucketSchema,
  createOnly: ['BucketName'],
  nameProperty: 'BucketName',
  taggable: true,
  attributes: ['Arn', 'DomainName', 'DualStackDomainName', 'RegionalDomainName'],
  async create(props, context) {
    const Bucket = props.BucketName ?? context.generatedName(63).toLowerCase();
    await context.call('s3', 'CreateBucket', { Bucket });
    context.reportCreated(Bucket);
    await putSettings(Bucket, props, {}, context);
    const { region } = context;
    return {
      physicalId: Bucket,
      attributes: {
        Arn: `arn:aws:s3:::${Bucket}`,
        DomainName: `${Bucket}.s3.amazonaws.com`,
        DualStackDomainName: `${Bucket}.s3.dualstack.${region}.amazonaws.com`,
        RegionalDomainName: `${Bucket}.s3.${region}.amazonaws.com`,
      },
    };
  },
  async update(resource, props, previous, context) {
    await putSettings(resource.physicalId, props, previous, context);
    return resource;
  },
  async delete({ physicalId: Bucket }, _props, { call }) {
    await ignoreErrors(GONE, () => call('s3', 'DeleteBucket', { Bucket }));
  },
});

const policySchema = properties({ Bucket: textProperty, PolicyDocument: documentProperty });

const bucketPolicy = resourceType<v.InferOutput<typeof policySchema>>({
  type: 'AWS::S3::BucketPolicy',
  schema: policySchema,
  createOnly: ['Bucket'],
  attributes: [],
  async create({ Bucket, PolicyDocument }, { call }) {
    await call('s3', 'PutBucketPolicy', { Bucket, Policy: policyText(PolicyDocument) });
    return { physicalId: Bucket, attributes: {} };
  },
  async update(resource, { Bucket, PolicyDocument }, _previous, { call }) {
    await call('s3', 'PutBucketPolicy', { Bucket, Policy: policyText(PolicyDocument) });
    return resource;
  },
  async delete({ physicalId: Bucket }, _props, { call }) {
    await ignoreErrors(GONE, () => call('s3', 'DeleteBucketPolicy', { Bucket }));
  },
});

export const s3Types: ResourceType[] = [bucket, bucketPolicy];
