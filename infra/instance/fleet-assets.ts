import { Stack } from 'aws-cdk-lib';
import { InstanceArchitecture } from 'aws-cdk-lib/aws-ec2';
import type { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type { Construct } from 'constructs';
import type { FleetSettings } from '../props/settings.ts';
import { createNodeAsset, NODE_PACKAGES } from './node-asset.ts';
import { checkRequirements, readSetup } from './setup.ts';
import { checkWorkerDirectory, createTreeAsset } from './tree.ts';

/** The assets that instances download. */
export interface FleetAssets {
  /** Its hash changes with each file: an instance runs exactly what was deployed. */
  tree: Asset;
  node: Asset;
  /** Content of `/etc/mayfly/tree.json`, with the location of the assets. */
  treeJson: string;
}

/**
 * The assets of a fleet.
 *
 * Throws a `FleetPropsError` for a command, worker directory or set-up that no instance could run.
 */
export function createFleetAssets(scope: Construct, settings: FleetSettings): FleetAssets {
  const where = `WorkerFleet ${scope.node.path}`;
  const { command, instanceCheck, commands = {} } = settings;
  const named = Object.entries(commands).map(([name, words]) => [`commands.${name}`, words]);
  const programs = { command, instanceCheck, ...Object.fromEntries(named) };
  const workers = checkWorkerDirectory(where, programs, settings.workerDirectory);
  const setup = readSetup(where, workers, settings);
  const requirements = checkRequirements(where, workers, settings.setupRequirements);
  const [type] = settings.instanceTypes;
  const binary = NODE_PACKAGES[type?.architecture ?? InstanceArchitecture.X86_64];
  const { asset: tree, contentHash } = createTreeAsset(scope, workers);
  const node = createNodeAsset(scope, binary);
  const stack = Stack.of(scope);
  const treeJson = stack.toJsonString({
    bucket: tree.s3BucketName,
    key: tree.s3ObjectKey,
    region: stack.region,
    contentHash,
    node: { bucket: node.s3BucketName, key: node.s3ObjectKey, integrity: binary.integrity },
    ...(setup && { setup: setup.path, setupKind: setup.kind }),
    ...(requirements !== undefined && { setupRequirements: requirements }),
    ...(settings.setupVaultPassword && { setupVaultPassword: settings.setupVaultPassword.parameterName }),
  });
  return { tree, node, treeJson };
}
