import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa, type Result } from 'execa';
import { cacheDirectory, NODE_PACKAGES, nodeArchive } from '../../infra/instance/node-asset.ts';
import { NPM_FLAGS, tools } from '../support/packed.ts';

/** A project of a user's, in a directory of its own that is named as the project. */
export class Project {
  readonly #base = mkdtempSync(join(tmpdir(), 'mayfly-project-'));
  readonly directory: string;

  constructor(name: string) {
    this.directory = join(this.#base, name);
    mkdirSync(this.directory);
  }

  write(files: Record<string, string>): void {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
  }

  /** With the user's own npm, so that packages come from its cache where they are there. */
  install(...packages: string[]): Promise<Result> {
    return execa('npm', ['install', ...NPM_FLAGS, ...packages], { cwd: this.directory, all: true });
  }

  /**
   * Runs a program of the project with the Node of the checkout, as a user who has neither an AWS account nor settings of
   * the CDK. Node.js for the instances is fetched before, as in a project that has been synthesised once.
   */
  run(file: string, ...words: string[]): Promise<Result<{ all: true }>> {
    nodeArchive(NODE_PACKAGES.x86_64);
    return execa(file, words, {
      cwd: this.directory,
      env: {
        PATH: `${tools}:${process.env['PATH']}`,
        HOME: this.#base,
        XDG_CACHE_HOME: dirname(cacheDirectory()),
        // It would be sent over the Internet, which tests do not need.
        CDK_DISABLE_CLI_TELEMETRY: 'true',
      },
      extendEnv: false,
      all: true,
    });
  }

  remove(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }
}
