import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { tools } from '../support/packed.ts';
import { Project } from './project.ts';

const CONSTRUCT = `
import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FleetPropsError, WorkerFleet } from 'mayfly/cdk';
import type { BakedImageProps, IWorkerFleet, RetryBackoffProps, ScaleOutProps, WorkerFleetProps } from 'mayfly/cdk';

const bakedImage: BakedImageProps = {};
const retryBackoff: RetryBackoffProps = { first: Duration.minutes(1), factor: 2 };
const scaleOut: ScaleOutProps = { jobsPerInstance: 10 };
const props: WorkerFleetProps = { maxCapacity: 3, bakedImage, retryBackoff, scaleOut };
export const url = (scope: Construct): string => new WorkerFleet(scope, 'Fleet', props).queue.queueUrl;
export const other = (scope: Construct): IWorkerFleet => WorkerFleet.fromName(scope, 'Other', 'Stack/Fleet');
export const isRefused = (error: unknown): boolean => error instanceof FleetPropsError;
// @ts-expect-error
export const wrong: WorkerFleetProps = { maxCapactiy: 3 };
`;

const LIBRARY = `
import { Fleet, type JobView } from 'mayfly';

export const enqueue = async (): Promise<JobView> => {
  const fleet = await Fleet.find({ stack: 'Mine' });
  const { id } = await fleet.enqueue('42', { limitSeconds: 5 });
  return fleet.status(id);
};
export const wrong = async (fleet: Fleet): Promise<unknown> =>
  // @ts-expect-error
  fleet.enqueue('42', { limitSecond: 5 });
`;

const OLDER = '5.6.3';
const TYPESCRIPT = packageJson.devDependencies.typescript;

const NODENEXT = ['--module', 'nodenext'];
const NODE10 = ['--module', 'commonjs', '--moduleResolution', 'node10', '--esModuleInterop'];
/** The declarations of the AWS SDK are not checked. */
const SKIP = '--skipLibCheck';

describe('the types of the package', () => {
  const project = new Project('types');
  afterAll(() => project.remove());

  beforeAll(async () => {
    project.write({
      'package.json': '{ "name": "types", "private": true }',
      'construct.mts': CONSTRUCT,
      'construct.cts': CONSTRUCT,
      'construct.ts': CONSTRUCT,
      'library.mts': LIBRARY,
      'library.ts': LIBRARY,
    });
    const names = ['aws-cdk-lib', 'constructs', '@types/node'] as const;
    const packages = names.map((name) => `${name}@${packageJson.devDependencies[name]}`);
    await project.install(inject('archive'), ...packages, `typescript@${OLDER}`);
  });

  const older = join(project.directory, 'node_modules/typescript/bin/tsc');
  const newer = join(tools, 'tsc');

  it.each([
    {
      name: `TypeScript ${TYPESCRIPT}, with all declarations checked`,
      tsc: newer,
      files: ['construct.mts', 'construct.cts'],
      flags: NODENEXT,
    },
    {
      name: `TypeScript ${TYPESCRIPT}, the library`,
      tsc: newer,
      files: ['library.mts'],
      flags: [...NODENEXT, SKIP],
    },
    {
      name: `TypeScript ${OLDER} with NodeNext`,
      tsc: older,
      files: ['construct.mts', 'construct.cts', 'library.mts'],
      flags: [...NODENEXT, SKIP],
    },
    {
      name: `TypeScript ${OLDER} with node10`,
      tsc: older,
      files: ['construct.ts', 'library.ts'],
      flags: [...NODE10, SKIP],
    },
  ])('accept correct code and refuse an unknown prop: $name', async ({ tsc, files, flags }) => {
    const common = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'esnext', '--types', 'node'];
    const { all } = await project.run('node', tsc, ...common, ...flags, ...files);
    expect(all).toBe('');
  });
});
