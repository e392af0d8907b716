import type { IncomingHttpHeaders } from 'node:http';
import { AwsError, type KeyUse } from '../../front-door/service.ts';
import type { Keys } from '../kms/keys.ts';
import type { S3Call } from './actions.ts';
import type { BucketSettings } from './settings.ts';

/** The encryption of an object. */
interface Encryption {
  /** Id, ARN or alias of the key. */
  key: string;
  /** The encryption context that S3 passes to KMS. */
  arn: string;
}

/** The calls that create an object. */
const MAKES = new Set(['PutObject', 'CopyObject', 'CompleteMultipartUpload']);

/**
 * The keys that encrypt objects ("Using server-side encryption with AWS KMS keys"). An object keeps the key that it was
 * written with. Objects that the cloud itself writes have none.
 */
export class ObjectEncryption {
  readonly #objects = new Map<string, Encryption>();
  readonly #settings: BucketSettings;
  readonly #keysOf: (region: string) => Keys | undefined;

  constructor(settings: BucketSettings, keysOf: (region: string) => Keys | undefined) {
    this.#settings = settings;
    this.#keysOf = keysOf;
  }

  /** The uses of keys that a call needs. A copy does not check the key of its source. */
  usesOf(call: S3Call, headers: IncomingHttpHeaders): KeyUse[] {
    const writes = call.key !== '' && call.iamAction === 'PutObject';
    const reads = call.action === 'GetObject';
    if (!writes && !reads) return [];
    const encryption = writes ? this.#ofWrite(call, headers) : this.#objects.get(idOf(call));
    if (!encryption) return [];
    // A key id without an ARN is in the bucket's region.
    const region =
      /^arn:[^:]*:kms:([^:]*):/.exec(encryption.key)?.[1] ?? this.#settings.regionOf(call.bucket);
    const keys = this.#keysOf(region);
    if (!keys) throw new AwsError('KMS.NotFoundException', `Key '${encryption.key}' does not exist`);
    return keys.use(encryption.key, {
      actions: [writes ? 'kms:GenerateDataKey' : 'kms:Decrypt'],
      conditions: { 'kms:EncryptionContext:aws:s3:arn': encryption.arn },
    });
  }

  /** Called when a call has succeeded. */
  ended(call: S3Call, headers: IncomingHttpHeaders): void {
    if (call.action === 'DeleteObject') this.#objects.delete(idOf(call));
    if (!MAKES.has(call.action)) return;
    const encryption = this.#ofWrite(call, headers);
    if (encryption) this.#objects.set(idOf(call), encryption);
    else this.#objects.delete(idOf(call));
  }

  /** The encryption of the request, else that of the bucket. */
  #ofWrite({ bucket, key }: S3Call, headers: IncomingHttpHeaders): Encryption | undefined {
    const document = this.#settings.get(bucket, 'encryption');
    const asked = headers['x-amz-server-side-encryption'] ?? contentOf(document, 'SSEAlgorithm');
    if (asked !== 'aws:kms') return undefined;
    const named = headers['x-amz-server-side-encryption-aws-kms-key-id'];
    const id = typeof named === 'string' ? named : contentOf(document, 'KMSMasterKeyID');
    if (id === undefined) return undefined;
    const hasBucketKey = contentOf(document, 'BucketKeyEnabled') === 'true';
    return { key: id, arn: `arn:aws:s3:::${bucket}${hasBucketKey ? '' : `/${key}`}` };
  }
}

const idOf = ({ bucket, key }: S3Call): string => `${bucket}/${key}`;

const contentOf = (document: string, element: string): string | undefined =>
  new RegExp(`<${element}>(.*?)</${element}>`).exec(document)?.[1];
