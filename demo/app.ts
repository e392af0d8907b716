/** The demo's fleet, for the `cdk` command: what `infra/app.ts` is for an owner's. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { fleetApp } from '../infra/fleet-app.ts';
import { FLEET, STACK_NAME } from './fleet.ts';

const { MAYFLY_DEMO_JOURNAL: JOURNAL = 'journal.jsonl', MAYFLY_DEMO_OUTPUT: OUTPUT = '.' } = process.env;

fleetApp(STACK_NAME, {
  fleetName: 'demo',
  command: ['node', './render.mjs'],
  workerDirectory: `${import.meta.dirname}/worker`,
  environment: { JOURNAL, OUTPUT },
  maxCapacity: FLEET.maxCapacity,
  lease: Duration.seconds(FLEET.leaseSeconds),
  limit: Duration.minutes(2),
  scaleOut: { jobsPerInstance: FLEET.jobsPerInstance, warmUp: Duration.minutes(1) },
  idleTimeout: Duration.seconds(FLEET.idleSeconds),
  // The clock of the embedded cloud is sped up, an agent's is not: these are real seconds.
  reportInterval: Duration.seconds(5),
  noticeInterval: Duration.seconds(1),
  removalPolicy: RemovalPolicy.DESTROY,
}).synth();
