import { CfnParameter, Stack } from 'aws-cdk-lib';
import { type IMachineImage, OperatingSystemType } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { FleetPropsError } from '../props/refusal.ts';

/** Parameters of Amazon Linux 1 and 2, those that are made for ECS and EKS among them. */
const TOO_OLD = /\/amzn2?-ami-|\/amazon-linux(-2)?\//;

const ALLOWED =
  'an image with cloud-init, systemd from 252 on and apt or dnf, such as MachineImage.latestAmazonLinux2023()';

/**
 * The image, if instances could boot from it as far as synth knows that: what is behind the id of an AMI nobody can tell.
 *
 * Throws a `FleetPropsError` for Windows and for Amazon Linux 2, whose systemd is 219.
 */
export function usableImage(scope: Construct, where: string, image: IMachineImage): IMachineImage {
  const config = image.getImage(scope);
  const parameter = parameterOf(scope, config.imageId);
  if (config.osType === OperatingSystemType.WINDOWS) {
    throw new FleetPropsError(where, 'machineImage', 'a Windows image', ALLOWED);
  }
  if (TOO_OLD.test(parameter)) {
    throw new FleetPropsError(where, 'machineImage', `Amazon Linux 2 or older (${parameter})`, ALLOWED);
  }
  // Looked up once: a map of AMIs by region is made anew at each call.
  return { getImage: () => config };
}

/** The SSM parameter that an image's id comes from, at the deployment or at the launch; of other ids the id. */
function parameterOf(scope: Construct, imageId: string): string {
  const stack = Stack.of(scope);
  const resolved: unknown = stack.resolve(imageId);
  if (typeof resolved === 'string') return resolved;
  const { Ref: id } = resolved as { Ref?: string };
  const parameters = stack.node.findAll().filter((one) => CfnParameter.isCfnElement(one)) as CfnParameter[];
  return String(parameters.find(({ logicalId }) => stack.resolve(logicalId) === id)?.default ?? '');
}
