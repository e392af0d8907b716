import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from './clock.ts';
import { createMetadata, type Metadata, MetadataError } from './metadata.ts';

/** The identity of this machine. Outside EC2 it is anonymous, and only the machine itself can end it. */
export interface Identity {
  /** The instance id. For an anonymous machine: a name that no other process has. */
  instanceId: string;
  /** Absent for an anonymous machine. */
  metadata?: Metadata;
  region?: string;
  availabilityZone?: string;
  /** When EC2 started the launch: `pendingTime` of the identity document. */
  launchedAtMs?: number;
  spot?: boolean;
  /** From the instance's tags, if the launch template allows tags in the metadata. */
  groupName?: string;
}

/** Milliseconds between attempts while the metadata service does not answer yet. */
const RETRY_MS = [250, 750, 2000];
/** A member of a group has no other source, so it retries for two minutes. */
const MEMBER_RETRY_MS = [...RETRY_MS, 5000, 10_000, 20_000, 40_000, 40_000];

/**
 * Asks the instance metadata service (IMDSv2 only). A machine is anonymous if the service is disabled or does not answer
 * within some seconds. For a `member` of a group it rejects with the last `MetadataError` instead: the keeper would
 * not know an anonymous agent's instance, and would end it during a job.
 *
 * @param env `AWS_EC2_METADATA_DISABLED`, `AWS_EC2_METADATA_SERVICE_ENDPOINT` and
 *   `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`, as for the SDKs
 */
export async function findIdentity(env: NodeJS.ProcessEnv, clock: Clock, member: boolean): Promise<Identity> {
  const metadata = createMetadata(env, clock);
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

/** "Instance identity documents": the fields that are used here. */
interface IdentityDocument {
  instanceId?: string;
  region?: string;
  availabilityZone?: string;
  pendingTime?: string;
}

async function readIdentity(metadata: Metadata): Promise<Identity> {
  const document = await metadata.get('dynamic/instance-identity/document');
  const { instanceId, region, availabilityZone, pendingTime } = parseDocument(document ?? '{}');
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

function parseDocument(json: string): IdentityDocument {
  try {
    return JSON.parse(json) as IdentityDocument;
  } catch {
    throw new MetadataError(`the instance identity document is not JSON: ${json.slice(0, 80)}`);
  }
}
