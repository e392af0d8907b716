/** The session's fleet, for the `cdk` command. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { fleetApp } from '../../infra/fleet-app.ts';
import { STACK_NAME } from './fleet.ts';

fleetApp(STACK_NAME, {
  command: ['./shell'],
  workerDirectory: `${import.meta.dirname}/worker`,
  maxCapacity: 1,
  lease: Duration.seconds(15),
  grace: Duration.seconds(1),
  // One instance does it all: nobody waits for a second one.
  idleTimeout: Duration.minutes(5),
  removalPolicy: RemovalPolicy.DESTROY,
}).synth();
