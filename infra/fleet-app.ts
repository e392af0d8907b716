import { App, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { WorkerFleetProps } from './props.ts';
import { WorkerFleet } from './worker-fleet.ts';

/**
 * The app of one fleet, checked by cdk-nag's AwsSolutions: a finding that no acknowledgement explains fails the
 * synth. For any account and region, unless the environment of the CLI names one.
 */
export function fleetApp(stackName: string, props: WorkerFleetProps): App {
  const app = new App();
  const stack = new Stack(app, stackName, {
    description: 'Mayfly: EC2 workers that scale out on an SQS queue and end themselves',
  });
  new WorkerFleet(stack, 'Fleet', props);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}
