import { App, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { WorkerFleetProps } from './props/props.ts';
import { WorkerFleet } from './worker-fleet.ts';

/**
 * The app of one fleet, checked by cdk-nag's AwsSolutions: a finding that no acknowledgement explains fails the
 * synth. For any account and region, unless `env` names one, which looking things up takes.
 *
 * @param props the fleet's, or what makes them of its stack
 */
export function fleetApp(
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
