import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { Project } from './project.ts';

/** The CDK's. The embedded cloud, a peer as well, is of the same checkout. */
const { 'mayfly-local': _, ...cdk } = packageJson.peerDependencies;

/** The lowest version of a range such as `^2.269.0` or `>=22.12`. */
const lowest = (range: string): string => range.replace(/^[^\d]+/, '');

const APP = `
const { App, RemovalPolicy, Stack } = require('aws-cdk-lib');
const { InstanceType } = require('aws-cdk-lib/aws-ec2');
const { Role, ServicePrincipal } = require('aws-cdk-lib/aws-iam');
const { Key } = require('aws-cdk-lib/aws-kms');
const { WorkerFleet } = require('mayfly/cdk');

const key = (scope, id) => new Key(scope, id, { enableKeyRotation: true });
const variants = {
  Plain: () => ({}),
  Baked: () => ({ bakedImage: true, warmPool: {}, removalPolicy: RemovalPolicy.DESTROY }),
  Spot: () => ({ instanceTypes: [new InstanceType('m7g.large')], spotShare: 50, systemsManagerAccess: true }),
  Keys: (stack) => ({
    encryptionKeys: { queues: key(stack, 'Queues'), table: key(stack, 'Table'), logBucket: key(stack, 'Logs') },
  }),
};
const app = new App({ outdir: 'cdk.out' });
for (const [name, props] of Object.entries(variants)) {
  const stack = new Stack(app, name);
  const fleet = new WorkerFleet(stack, 'Fleet', props(stack));
  for (const grant of ['grantEnqueue', 'grantRequest', 'grantFollow', 'grantOperate']) {
    fleet[grant](new Role(stack, grant, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }));
  }
}
app.synth();
`;

describe('the oldest aws-cdk-lib and constructs that the package supports', () => {
  const project = new Project('peers');
  afterAll(() => project.remove());

  beforeAll(async () => {
    project.write({ 'package.json': '{ "name": "peers", "private": true }', 'app.cjs': APP });
    await project.install(
      inject('archive'),
      ...Object.entries(cdk).map(([name, range]) => `${name}@${lowest(range)}`),
    );
  });

  it('are those that are installed', () => {
    for (const [name, range] of Object.entries(cdk)) {
      const { version } = JSON.parse(
        readFileSync(join(project.directory, 'node_modules', name, 'package.json'), 'utf8'),
      );
      expect(version, name).toBe(lowest(range));
    }
  });

  it('synthesise fleets of all kinds, with grants', async () => {
    await project.run('node', 'app.cjs');
    const templates = readdirSync(join(project.directory, 'cdk.out')).filter((name) =>
      name.endsWith('.template.json'),
    );
    expect(templates.sort()).toEqual(
      ['Baked', 'Keys', 'Plain', 'Spot'].map((name) => `${name}.template.json`),
    );
  });
});

describe('the oldest Node that the package supports', () => {
  const version = `${lowest(packageJson.engines.node)}.0`;
  const binary = `node-${process.platform}-${process.arch}`;
  const project = new Project('node');
  const node = join(project.directory, 'node_modules', binary, 'bin/node');
  const mayfly = 'node_modules/mayfly/bin/mayfly.js';
  afterAll(() => project.remove());

  beforeAll(async () => {
    project.write({
      'package.json': '{ "name": "node", "private": true }',
      'outputs.json': '{}',
      'library.cjs': `
        process.env.AWS_REGION = 'eu-west-1';
        const { Fleet } = require('mayfly');
        Fleet.find({ outputs: 'outputs.json' }).catch((error) => console.log(error.message));
      `,
      'app.cjs': `
        const { App, Stack } = require('aws-cdk-lib');
        const { WorkerFleet } = require('mayfly/cdk');
        const app = new App({ outdir: 'cdk.out' });
        new WorkerFleet(new Stack(app, 'Mine'), 'Fleet');
        console.log(app.synth().stacks.map(({ stackName }) => stackName).join());
      `,
    });
    const names = ['aws-cdk-lib', 'constructs'] as const;
    const packages = names.map((name) => `${name}@${packageJson.devDependencies[name]}`);
    const ours = [inject('archive'), inject('localArchive')];
    await project.install(...ours, ...packages, `${binary}@${version}`);
  });

  it('runs the command', async () => {
    expect((await project.run(node, '--version')).stdout).toBe(`v${version}`);
    expect((await project.run(node, mayfly, '--version')).stdout).toBe(packageJson.version);
  });

  it('runs the embedded cloud until it is stopped', async () => {
    const local = execa(node, [mayfly, 'local', '--port', '0', '--json'], {
      cwd: project.directory,
      forceKillAfterDelay: false,
    });
    const events: string[] = [];
    for await (const line of local) {
      const { event } = JSON.parse(line) as { event: string };
      events.push(event);
      if (event === 'ready') local.kill('SIGTERM');
    }
    expect(events).toEqual(['ready', 'ending']);
    expect((await local).exitCode).toBe(0);
  });

  it('runs the library and the construct', async () => {
    const library = await project.run(node, 'library.cjs');
    expect(library.stdout).toBe('The outputs file outputs.json has no fleet. It has: none.');
    const { stdout } = await project.run(node, 'app.cjs');
    expect(stdout).toBe('Mine');
  });
});
