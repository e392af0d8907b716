/** The demo's CDK app, like `infra/app.ts` for an owner's fleet. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { createFleetApp } from '../infra/fleet-app.ts';
import { FLEET, STACK_NAME } from './fleet.ts';

const {
  MAYFLY_DEMO_JOURNAL: JOURNAL = 'journal.jsonl',
  MAYFLY_DEMO_OUTPUT: OUTPUT = '.',
  MAYFLY_DEMO_NODE: NODE = 'node',
  MAYFLY_DEMO_MAX_CAPACITY: MAX_CAPACITY = FLEET.maxCapacity,
  MAYFLY_DEMO_WARM_UP: WARM_UP = FLEET.warmUpSeconds,
} = process.env;

createFleetApp(STACK_NAME, {
  fleetName: 'demo',
  command: [NODE, './render.mjs'],
  workerDirectory: `${import.meta.dirname}/worker`,
  environment: { JOURNAL, OUTPUT },
  maxCapacity: Number(MAX_CAPACITY),
  lease: Duration.seconds(FLEET.leaseSeconds),
  limit: Duration.minutes(2),
  scaleOut: { jobsPerInstance: FLEET.jobsPerInstance, warmUp: Duration.seconds(Number(WARM_UP)) },
  idleTimeout: Duration.seconds(FLEET.idleSeconds),
  // Real seconds: `--speed` changes the clock of the embedded cloud, not that of the agents.
  reportInterval: Duration.seconds(5),
  noticeInterval: Duration.seconds(1),
  removalPolicy: RemovalPolicy.DESTROY,
}).synth();
