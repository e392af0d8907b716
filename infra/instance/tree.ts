import { cpSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { AssetHashType } from 'aws-cdk-lib';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type { Construct } from 'constructs';
import { packageRoot } from '../../lib/package-files.ts';
import { BUNDLES, bundle } from '../bundle/bundle.ts';
import { withStagingDirectory } from '../bundle/staging.ts';
import { FleetPropsError, formatValue } from '../props/errors.ts';

/** Files of tools, which are not deployed. */
const NEVER_SHIPPED = new Set(['.git', '.DS_Store', '__pycache__']);

/** The parts of the package that instances need. `ansible` also has a collection for producers, which they do not need. */
const MACHINE_PARTS = ['ansible/local.yml', 'ansible/prepare-setup.sh', 'ansible/roles', 'systemd'];

export interface TreeAsset {
  asset: Asset;
  /** The hash that instances check the tree against. CDK makes the hash in the asset's key from it. */
  contentHash: string;
}

/** The tree as one asset: an instance runs exactly what was deployed. */
export function createTreeAsset(scope: Construct, workerDirectory: string): TreeAsset {
  return withStagingDirectory(
    (directory) => writeTree(directory, workerDirectory),
    (path, contentHash) => {
      const asset = new Asset(scope, 'Tree', {
        path,
        assetHash: contentHash,
        assetHashType: AssetHashType.CUSTOM,
        displayName: 'Agent tree',
      });
      return { asset, contentHash };
    },
  );
}

/** The programs that instances run, by prop: `command`, `commands.healthy`. */
export type Programs = Record<string, string[] | undefined>;

/** The owner's worker directory, or the ready-made workers. Checks that it has the programs. */
export function checkWorkerDirectory(where: string, programs: Programs, given?: string): string {
  const directory = given === undefined ? join(packageRoot, 'workers') : resolve(given);
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new FleetPropsError(
      where,
      'workerDirectory',
      formatValue(given),
      `a directory (${directory} is not one)`,
    );
  }
  for (const [key, words = []] of Object.entries(programs)) {
    const [program = ''] = words;
    if (program.startsWith('./')) checkProgram(where, key, words, join(directory, program));
  }
  return directory;
}

/** Without this check each instance would boot, find no program and terminate itself. */
function checkProgram(where: string, key: string, words: string[], path: string): void {
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new FleetPropsError(where, key, formatValue(words), `a file of the worker directory (no ${path})`);
  }
  if ((statSync(path).mode & 0o111) === 0 && process.platform !== 'win32') {
    throw new FleetPropsError(where, key, formatValue(words), `an executable file (chmod +x ${path})`);
  }
}

/** Writes the tree that is deployed: the agent, the parts of the package, and the worker directory. */
export function writeTree(directory: string, workerDirectory: string): void {
  mkdirSync(join(directory, 'agent'));
  writeFileSync(join(directory, BUNDLES.agent.file), bundle('agent'));
  for (const part of MACHINE_PARTS) copy(join(packageRoot, part), join(directory, part));
  copy(workerDirectory, join(directory, 'worker'));
}

function copy(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    // A link may point out of the directory, where no instance can read it.
    dereference: true,
    filter: (source) => !NEVER_SHIPPED.has(basename(source)),
  });
}
