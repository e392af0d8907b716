/** The CDK app of the recordings. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { createFleetApp } from '../../infra/fleet-app.ts';
import { STACK_NAME } from '../session/fleet.ts';

createFleetApp(STACK_NAME, {
  command: ['./shell'],
  workerDirectory: `${import.meta.dirname}/../session/worker`,
  maxCapacity: process.env['MAX_CAPACITY'] === '1' ? 1 : 4,
  lease: Duration.seconds(15),
  grace: Duration.seconds(1),
  // Long enough to show a job that waits for its next try.
  retryBackoff: { first: Duration.seconds(60) },
  idleTimeout: Duration.minutes(2),
  removalPolicy: RemovalPolicy.DESTROY,
}).synth();
