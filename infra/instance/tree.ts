import { cpSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { AssetHashType } from 'aws-cdk-lib';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type { Construct } from 'constructs';
import { BUNDLES, bundle } from '../bundle/bundle.ts';
import { packageRoot } from '../bundle/package-files.ts';
import { FleetPropsError, show } from '../props/refusal.ts';
import { staged } from '../bundle/staging.ts';

/** What lies about in a directory and is no part of it. */
const NEVER_SHIPPED = new Set(['.git', '.DS_Store', '__pycache__']);

/** What sets a machine up and runs on it; beside it, `ansible` has a collection for those who send jobs. */
const MACHINE_PARTS = ['ansible/local.yml', 'ansible/prepare-setup.sh', 'ansible/roles', 'systemd'];

export interface Tree {
  asset: Asset;
  /** What instances check it against. Not the hash in the asset's key: that is CDK's, made of this one. */
  contentHash: string;
}

/** The tree that instances run, as one asset: an instance runs exactly what was deployed. */
export function treeAsset(scope: Construct, workerDirectory: string): Tree {
  return staged(
    (directory) => fillTree(directory, workerDirectory),
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

/** What workers and instances run, by the prop that names it. */
export type Programs = Partial<Record<'command' | 'instanceCheck', string[] | undefined>>;

/** The owner's worker directory or the ready-made workers, checked with the first words of the programs. */
export function workersOf(where: string, programs: Programs, given?: string): string {
  const directory = given === undefined ? join(packageRoot, 'workers') : resolve(given);
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new FleetPropsError(where, 'workerDirectory', show(given), `a directory (${directory} is none)`);
  }
  for (const [key, words = []] of Object.entries(programs)) {
    const [program = ''] = words;
    if (program.startsWith('./')) checkProgram(where, key, words, join(directory, program));
  }
  return directory;
}

/** Without this an instance would boot, find nothing to start and end itself, for every launch. */
function checkProgram(where: string, key: string, words: string[], path: string): void {
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new FleetPropsError(where, key, show(words), `a file of the worker directory (no ${path})`);
  }
  if ((statSync(path).mode & 0o111) === 0 && process.platform !== 'win32') {
    throw new FleetPropsError(where, key, show(words), `an executable file (chmod +x ${path})`);
  }
}

/** See "The deployed tree" in docs/design.md. */
export function fillTree(directory: string, workerDirectory: string): void {
  mkdirSync(join(directory, 'agent'));
  writeFileSync(join(directory, BUNDLES.agent.file), bundle('agent'));
  for (const part of MACHINE_PARTS) copy(join(packageRoot, part), join(directory, part));
  copy(workerDirectory, join(directory, 'worker'));
}

function copy(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    // A link may point out of the directory, to where no instance can follow.
    dereference: true,
    filter: (source) => !NEVER_SHIPPED.has(basename(source)),
  });
}
