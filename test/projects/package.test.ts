import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { bundle } from '../../infra/bundle/bundle.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { NPM_FLAGS, tools } from '../support/packed.ts';

const base = mkdtempSync(join(tmpdir(), 'mayfly-package-'));
const app = base;
afterAll(() => rmSync(base, { recursive: true, force: true }));

const inApp = { cwd: app, all: true } satisfies Options;
/** Without `require` of ES modules, which jest and older tools do not support. */
const STRICT = '--no-experimental-require-module';

/** Installs the package into an empty app. */
beforeAll(async () => {
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await execa('npm', ['install', ...NPM_FLAGS, inject('archive')], inApp);
});

describe('the installed package', () => {
  it('installs its dependencies, and no development tools', () => {
    const installed = readdirSync(join(app, 'node_modules'));
    expect(installed).toContain('mayfly');
    for (const tool of ['aws-cdk-lib', 'cdk-nag', 'esbuild', 'typescript']) {
      expect(installed).not.toContain(tool);
    }
  });

  it('contains no TypeScript source', () => {
    const files = readdirSync(join(app, 'node_modules/mayfly'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /(?<!\.d)\.ts$/.test(file))).toEqual([]);
  });

  it('deploys the same agent and keeper as the checkout', () => {
    for (const [name, file] of [
      ['agent', 'agent/agent.mjs'],
      ['keeper', 'keeper/index.mjs'],
    ] as const) {
      const built = readFileSync(join(app, 'node_modules/mayfly/dist', file));
      expect(built.equals(bundle(name)), name).toBe(true);
    }
  });

  it('is a library that does not need the CDK', async () => {
    writeFileSync(
      join(app, 'library.js'),
      `import { Fleet, FleetNotFound } from 'mayfly';
       const why = await Fleet.find({ outputs: 'outputs.json' }).catch((error) => error);
       console.log(why instanceof FleetNotFound, why.message);`,
    );
    writeFileSync(join(app, 'outputs.json'), '{}');
    const env = { AWS_REGION: 'eu-west-1' };
    const { stdout } = await execa(join(tools, 'node'), ['library.js'], { ...inApp, env });
    expect(stdout).toBe('true The outputs file outputs.json has no fleet; in it are: none.');
  });

  it('runs the command', async () => {
    const { stdout } = await execa(join(tools, 'node'), ['node_modules/.bin/mayfly', '--help'], inApp);
    expect(stdout).toContain('Usage: mayfly');
    const version = await execa(join(tools, 'node'), ['node_modules/.bin/mayfly', '--version'], inApp);
    expect(version.stdout).toBe(packageJson.version);
  });
});

describe('the construct, in an app with the CDK', () => {
  beforeAll(async () => {
    const names = ['aws-cdk-lib', 'constructs'] as const;
    const packages = names.map((name) => `${name}@${packageJson.devDependencies[name]}`);
    await execa('npm', ['install', ...NPM_FLAGS, ...packages], inApp);
  });

  it.each([
    [
      'a module',
      'app.mjs',
      "import { App, Stack } from 'aws-cdk-lib'; import { WorkerFleet } from 'mayfly/cdk';",
    ],
    [
      'CommonJS',
      'app.cjs',
      "const { App, Stack } = require('aws-cdk-lib'); const { WorkerFleet } = require('mayfly/cdk');",
    ],
  ])(
    'synthesises a fleet in an app that is %s',
    async (_, file, imports) => {
      const output = `cdk.out.${file}`;
      writeFileSync(
        join(app, file),
        `${imports}
       const app = new App({ outdir: '${output}' });
       new WorkerFleet(new Stack(app, 'Mine'), 'Fleet', { maxCapacity: 3 });
       app.synth();`,
      );
      await execa(join(tools, 'node'), [STRICT, file], { ...inApp, env: { CDK_VALIDATION: 'false' } });
      const { Resources } = JSON.parse(readFileSync(join(app, output, 'Mine.template.json'), 'utf8'));
      const types = Object.values(Resources as Record<string, { Type: string }>).map(({ Type }) => Type);
      expect(types).toEqual(
        expect.arrayContaining(['AWS::AutoScaling::AutoScalingGroup', 'AWS::Lambda::Function']),
      );
      const trees = readdirSync(join(app, output)).filter((name) =>
        existsSync(join(app, output, name, 'agent/agent.mjs')),
      );
      expect(trees).toHaveLength(1);
    },
    180_000,
  );

  it('is the same for modules and CommonJS, so that an app never has two copies', async () => {
    writeFileSync(
      join(app, 'same.mjs'),
      `import { createRequire } from 'node:module';
       import * as imported from 'mayfly/cdk';
       const required = createRequire(import.meta.url)('mayfly/cdk');
       const names = Object.keys(required);
       console.log(names.join(' '), names.every((name) => required[name] === imported[name]));`,
    );
    const { stdout } = await execa(join(tools, 'node'), [STRICT, 'same.mjs'], inApp);
    expect(stdout).toBe('FleetPropsError WorkerFleet true');
  });
});
