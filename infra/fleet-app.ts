import { App, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { WorkerFleetProps } from './props/props.ts';
import { WorkerFleet } from './worker-fleet.ts';

/**
 * The app of one fleet. cdk-nag's AwsSolutions checks it: a finding without an acknowledgement fails the synth. Without
 * `env` the stack can be deployed to any account and region; lookups need it.
 *
 * @param props the props of the fleet, or a function that makes them from its stack
 */
export function createFleetApp(
  stackName: string,
  props: WorkerFleetProps | ((stack: Stack) => WorkerFleetProps),
  env?: StackProps['env'],
): App {
  const app = new App();
  const stack = new Stack(app, stackName, {
    description: 'Mayfly: EC2 workers that scale out on an SQS queue and end themselves',
    ...(env && { env }),
  });
  new WorkerFleet(stack, 'Fleet', typeof props === 'function' ? props(stack) : props);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}
