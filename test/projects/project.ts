import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa, type Result } from 'execa';
import { fetchNodeArchive, getCacheDirectory, NODE_PACKAGES } from '../../infra/instance/node-asset.ts';
import { NPM_FLAGS, tools } from '../support/packed.ts';

/** A user's project, in a new directory with the name of the project. */
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

  /** Installs packages with the user's npm, and so from its cache. */
  install(...packages: string[]): Promise<Result> {
    return execa('npm', ['install', ...NPM_FLAGS, ...packages], { cwd: this.directory, all: true });
  }

  /**
   * Runs a program of the project with the Node of the checkout, as a user without AWS account and CDK settings. Node.js for
   * the instances is downloaded before, as in a project that was synthesised once.
   */
  run(file: string, ...args: string[]): Promise<Result<{ all: true }>> {
    fetchNodeArchive(NODE_PACKAGES.x86_64);
    return execa(file, args, {
      cwd: this.directory,
      env: {
        PATH: `${tools}:${process.env['PATH']}`,
        HOME: this.#base,
        XDG_CACHE_HOME: dirname(getCacheDirectory()),
        // Tests must not send data over the Internet.
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
