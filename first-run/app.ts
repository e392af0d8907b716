/** The CDK app of the first run. */
import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { createFleetApp } from '../infra/fleet-app.ts';
import type { WorkerFleetProps } from '../infra/props/props.ts';

const {
  MAYFLY_FIRST_RUN_STACK: STACK = 'MayflyFirstRun',
  MAYFLY_FIRST_RUN_MAX_CAPACITY: MAX_CAPACITY = '2',
  MAYFLY_FIRST_RUN_LOCAL: LOCAL,
} = process.env;

/** Real seconds: `--speed` changes the clock of the embedded cloud, not that of the agents. */
const LOCALLY: WorkerFleetProps = {
  idleTimeout: Duration.seconds(4),
  reportInterval: Duration.seconds(2),
  noticeInterval: Duration.seconds(1),
};

createFleetApp(STACK, {
  command: ['./shell'],
  workerDirectory: join(import.meta.dirname, '../demo/session/worker'),
  maxCapacity: Number(MAX_CAPACITY),
  limit: Duration.minutes(20),
  idleTimeout: Duration.minutes(1),
  removalPolicy: RemovalPolicy.DESTROY,
  ...(LOCAL && LOCALLY),
}).synth();
