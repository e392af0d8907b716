import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from './clock.ts';
import { type Metadata, MetadataError, metadataOf } from './metadata.ts';

/** Who this machine is. Outside EC2 it is anonymous: nobody can end it but itself. */
export interface Identity {
  /** EC2's, or for an anonymous machine a name that no other process has. */
  instanceId: string;
  /** The metadata service; undefined for an anonymous machine. */
  metadata?: Metadata;
  region?: string;
  availabilityZone?: string;
  /** When EC2 began to launch it: `pendingTime` of the identity document. */
  launchedAtMs?: number;
  spot?: boolean;
  /** From the instance's tags, when the launch template lets metadata show them. */
  groupName?: string;
}

/** Milliseconds between tries while the metadata service does not answer yet. */
const RETRY_MS = [250, 750, 2000];
/** A member of a group has nothing else to go by, so it asks for two minutes. */
const MEMBER_RETRY_MS = [...RETRY_MS, 5000, 10_000, 20_000, 40_000, 40_000];

/**
 * Asks the instance metadata service (IMDSv2 only). A machine whose service is switched off or does not answer after
 * some seconds is anonymous, unless it is known to be a `member` of a group: an agent that took itself for nobody
 * would work unseen, and be ended in mid-job by the keeper. That one rejects with the last `MetadataError`.
 *
 * @param env `AWS_EC2_METADATA_DISABLED`, `AWS_EC2_METADATA_SERVICE_ENDPOINT` and
 *   `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`, as for the SDKs
 */
export async function findIdentity(env: NodeJS.ProcessEnv, clock: Clock, member: boolean): Promise<Identity> {
  const metadata = metadataOf(env, clock);
  if (!metadata) return anonymous();
  for (const waitMs of [...(member ? MEMBER_RETRY_MS : RETRY_MS), undefined]) {
    try {
      return await readIdentity(metadata);
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      if (waitMs === undefined && member) throw error;
      if (waitMs !== undefined) await clock.sleep(waitMs);
    }
  }
  return anonymous();
}

function anonymous(): Identity {
  return { instanceId: `host-${hostname()}-${randomBytes(4).toString('hex')}` };
}

/** "Instance identity documents": the fields that matter here. */
interface IdentityDocument {
  instanceId?: string;
  region?: string;
  availabilityZone?: string;
  pendingTime?: string;
}

async function readIdentity(metadata: Metadata): Promise<Identity> {
  const document = await metadata.get('dynamic/instance-identity/document');
  const { instanceId, region, availabilityZone, pendingTime } = parse(document ?? '{}');
  if (!instanceId) throw new MetadataError('the metadata service shows no instance identity document');
  const [lifecycle, groupName] = await Promise.all([
    metadata.get('meta-data/instance-life-cycle'),
    metadata.get('meta-data/tags/instance/aws:autoscaling:groupName'),
  ]);
  const launchedAtMs = Date.parse(pendingTime ?? '');
  return {
    instanceId,
    metadata,
    spot: lifecycle === 'spot',
    ...(region && { region }),
    ...(availabilityZone && { availabilityZone }),
    ...(groupName && { groupName }),
    ...(!Number.isNaN(launchedAtMs) && { launchedAtMs }),
  };
}

function parse(json: string): IdentityDocument {
  try {
    return JSON.parse(json) as IdentityDocument;
  } catch {
    throw new MetadataError(`the instance identity document is not JSON: ${json.slice(0, 80)}`);
  }
}
