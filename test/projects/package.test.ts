import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { bundle } from '../../infra/bundle/bundle.ts';
import { packageRoot } from '../../lib/package-files.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { NPM_FLAGS, tools } from '../support/packed.ts';

const base = mkdtempSync(join(tmpdir(), 'mayfly-package-'));
const app = base;
afterAll(() => rmSync(base, { recursive: true, force: true }));

const inApp = { cwd: app, all: true } satisfies Options;
/** Without `require` of ES modules, which jest and older tools do not support. */
const STRICT = '--no-experimental-require-module';

/**
 * What an installation without the embedded cloud may bring, this package included. A dependency that does not fit is worth
 * its bytes, or is bundled and a development dependency.
 */
const MOST_PACKAGES = 57;
const MOST_BYTES = 45_000_000;

/** All files of a package that is installed. */
const filesOf = (name: string) =>
  readdirSync(join(app, 'node_modules', name), { recursive: true, encoding: 'utf8' });

/** What Node would have to strip of types, which it does not do under node_modules. */
const isSource = (file: string) => /(?<!\.d)\.ts$/.test(file);

const mayfly = (...args: string[]) =>
  execa(join(tools, 'node'), ['node_modules/.bin/mayfly', ...args], { ...inApp, reject: false });

/** Installed into an app that has nothing else. */
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

  it('brings neither the embedded cloud nor what only the bundles use', () => {
    const installed = readdirSync(join(app, 'node_modules'));
    for (const name of ['mayfly-local', 'dynalite', 'fauxqs', 'pino', 'yaml']) {
      expect(installed).not.toContain(name);
    }
    expect(readdirSync(join(app, 'node_modules/@aws-sdk'))).not.toContain('client-sts');
    expect(filesOf('mayfly').filter((file) => /^(dist\/)?local(\/|$)/.test(file))).toEqual([]);
  });

  it(`is at most ${MOST_BYTES / 1e6} MB in at most ${MOST_PACKAGES} packages, with all that it depends on`, () => {
    const lock = JSON.parse(readFileSync(join(app, 'node_modules/.package-lock.json'), 'utf8'));
    expect(Object.keys(lock.packages).length).toBeLessThanOrEqual(MOST_PACKAGES);
    const bytes = filesOf('.')
      .map((file) => statSync(join(app, 'node_modules', file)))
      .reduce((sum, status) => sum + (status.isFile() ? status.size : 0), 0);
    expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
  });

  it('holds no source that Node would have to strip of types', () => {
    expect(filesOf('mayfly').filter(isSource)).toEqual([]);
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
      `import { Fleet, FleetNotFoundError } from 'mayfly';
       const why = await Fleet.find({ outputs: 'outputs.json' }).catch((error) => error);
       console.log(why instanceof FleetNotFoundError, why.message);`,
    );
    writeFileSync(join(app, 'outputs.json'), '{}');
    const env = { AWS_REGION: 'eu-west-1' };
    const { stdout } = await execa(join(tools, 'node'), ['library.js'], { ...inApp, env });
    expect(stdout).toBe('true The outputs file outputs.json has no fleet. It has: none.');
  });

  it('reads playbooks without a package for YAML', async () => {
    writeFileSync(join(app, 'site.yml'), '- hosts: web\n  serial: 1\n');
    writeFileSync(
      join(app, 'warnings.js'),
      `import { findPlaybookWarnings } from './node_modules/mayfly/dist/client/requests/playbook-warnings.js';
       for (const { file, line, keyword } of findPlaybookWarnings('site.yml').warnings) console.log(file, line, keyword);`,
    );
    const { stdout } = await execa(join(tools, 'node'), ['warnings.js'], inApp);
    expect(stdout).toBe('site.yml 2 serial');
  });

  it('runs the command', async () => {
    expect(await mayfly('--help')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Usage: mayfly'),
    });
    expect(await mayfly('--version')).toMatchObject({ exitCode: 0, stdout: packageJson.version });
  });

  it('says in one sentence what `mayfly local` needs, and has its help without it', async () => {
    expect(await mayfly('local', '--port', '0')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr:
        'mayfly: The embedded cloud is the package mayfly-local, which is not installed: ' +
        'run `npm install --save-dev mayfly-local`.',
    });
    expect(await mayfly('local', '--help')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('--instances'),
    });
  });
});

describe('the embedded cloud, installed beside it', () => {
  beforeAll(() => execa('npm', ['install', ...NPM_FLAGS, inject('localArchive')], inApp));

  it('holds no source that Node would have to strip of types, and no test', () => {
    const files = filesOf('mayfly-local');
    expect(files.filter(isSource)).toEqual([]);
    expect(files.filter((file) => /(^|\/)test(\/|$)/.test(file))).toEqual([]);
  });

  it('has the scripts that machines are made with', () => {
    const scripts = readdirSync(join(packageRoot, 'local/machines')).filter((file) => file.endsWith('.sh'));
    expect(scripts).not.toEqual([]);
    expect(filesOf('mayfly-local')).toEqual(
      expect.arrayContaining(scripts.map((file) => `dist/machines/${file}`)),
    );
  });

  it('is run by `mayfly local` until it is interrupted', async () => {
    const local = execa(join(tools, 'node'), ['node_modules/.bin/mayfly', 'local', '--port', '0', '--json'], {
      cwd: app,
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

  it('is a library as well, with types of its own', async () => {
    writeFileSync(
      join(app, 'cloud.mts'),
      `import { type Cloud, startCloud } from 'mayfly-local';
       export const cloud: Promise<Cloud> = startCloud({ directory: '.mayfly' });
       // @ts-expect-error
       export const wrong = startCloud({ folder: '.mayfly' });`,
    );
    const flags = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2024', '--module', 'nodenext'];
    const { all } = await execa(join(tools, 'node'), [join(tools, 'tsc'), ...flags, 'cloud.mts'], inApp);
    expect(all).toBe('');
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
    expect(stdout).toBe('FleetPropsError WorkerFleet WorkerSecret true');
  });
});
