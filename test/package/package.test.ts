import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../../infra/bundle.ts';
import { packageRoot } from '../../infra/package-files.ts';
import packageJson from '../../package.json' with { type: 'json' };

const base = mkdtempSync(join(tmpdir(), 'mayfly-package-'));
const app = base;
afterAll(() => rmSync(base, { recursive: true, force: true }));

const inApp = { cwd: app, all: true } satisfies Options;
/** The checkout's own Node, as `npx` would find it. */
const tools = join(packageRoot, 'node_modules', '.bin');

const NPM_FLAGS = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];

/** Packs as `npm publish` would, and installs into an app that has nothing else. */
beforeAll(async () => {
  const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', base], { cwd: packageRoot });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as { filename: string }[];
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await execa('npm', ['install', ...NPM_FLAGS, join(base, packed?.filename ?? '')], inApp);
}, 300_000);

describe('the installed package', () => {
  it('brings what it needs, and none of the tools that made it', () => {
    const installed = readdirSync(join(app, 'node_modules'));
    expect(installed).toContain('mayfly');
    for (const tool of ['aws-cdk-lib', 'cdk-nag', 'esbuild', 'typescript']) {
      expect(installed).not.toContain(tool);
    }
  });

  it('holds no source that Node would have to strip of types', () => {
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

  it('is a library that needs nothing of the CDK', async () => {
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
    const names = ['aws-cdk-lib', 'constructs', '@types/node'] as const;
    const packages = names.map((name) => `${name}@${packageJson.devDependencies[name]}`);
    await execa('npm', ['install', ...NPM_FLAGS, ...packages], inApp);
  }, 300_000);

  it('synthesises a fleet in an app of its own', async () => {
    writeFileSync(
      join(app, 'app.js'),
      `import { App, Stack } from 'aws-cdk-lib';
       import { WorkerFleet } from 'mayfly/cdk';
       const app = new App({ outdir: 'cdk.out' });
       new WorkerFleet(new Stack(app, 'Mine'), 'Fleet', { maxCapacity: 3 });
       app.synth();`,
    );
    await execa(join(tools, 'node'), ['app.js'], inApp);
    const { Resources } = JSON.parse(readFileSync(join(app, 'cdk.out/Mine.template.json'), 'utf8'));
    const types = Object.values(Resources as Record<string, { Type: string }>).map(({ Type }) => Type);
    expect(types).toEqual(
      expect.arrayContaining(['AWS::AutoScaling::AutoScalingGroup', 'AWS::Lambda::Function']),
    );
    const trees = readdirSync(join(app, 'cdk.out')).filter((name) =>
      existsSync(join(app, 'cdk.out', name, 'agent/agent.mjs')),
    );
    expect(trees).toHaveLength(1);
  }, 180_000);

  it('has types, as the library has, which refuse a prop that there is not', async () => {
    writeFileSync(
      join(app, 'types.ts'),
      `import type { Construct } from 'constructs';
       import { Fleet, type JobView } from 'mayfly';
       import { WorkerFleet, type WorkerFleetProps } from 'mayfly/cdk';
       const props: WorkerFleetProps = { maxCapacity: 3 };
       export const url = (scope: Construct): string => new WorkerFleet(scope, 'Fleet', props).queue.queueUrl;
       export const enqueue = async (): Promise<JobView> => {
         const fleet = await Fleet.find({ stack: 'Mine' });
         const { id } = await fleet.enqueue('42', { limitSeconds: 5 });
         return fleet.status(id);
       };
       // @ts-expect-error
       export const wrong: WorkerFleetProps = { maxCapactiy: 3 };`,
    );
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
    // What the AWS SDK's own declarations lack is not ours to say.
    flags.push('--lib', 'esnext', '--skipLibCheck');
    const { exitCode, all } = await execa(join(tools, 'tsc'), [...flags, 'types.ts'], {
      ...inApp,
      reject: false,
    });
    expect(all).toBe('');
    expect(exitCode).toBe(0);
  }, 180_000);
});
