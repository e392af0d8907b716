/** The CDK app of the session. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { createFleetApp } from '../../infra/fleet-app.ts';
import { STACK_NAME } from './fleet.ts';

createFleetApp(STACK_NAME, {
  command: ['./shell'],
  workerDirectory: `${import.meta.dirname}/worker`,
  maxCapacity: 1,
  lease: Duration.seconds(15),
  grace: Duration.seconds(1),
  // One instance runs all jobs, so that nothing waits for a second boot.
  idleTimeout: Duration.minutes(5),
  removalPolicy: RemovalPolicy.DESTROY,
}).synth();
