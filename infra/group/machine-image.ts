import { CfnParameter, Stack } from 'aws-cdk-lib';
import { type IMachineImage, OperatingSystemType } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { FleetPropsError } from '../props/errors.ts';

/** SSM parameters of Amazon Linux 1 and 2, also of the variants for ECS and EKS. */
const TOO_OLD = /\/amzn2?-ami-|\/amazon-linux(-2)?\//;

const ALLOWED =
  'an image with cloud-init, systemd from 252 on and apt or dnf, such as MachineImage.latestAmazonLinux2023()';

/**
 * Returns the image if synth knows of no reason why instances could not boot from it. Of an AMI by its id synth knows nothing.
 *
 * Throws a `FleetPropsError` for Windows, and for Amazon Linux 2, which has systemd 219.
 */
export function checkMachineImage(scope: Construct, where: string, image: IMachineImage): IMachineImage {
  const config = image.getImage(scope);
  const parameter = parameterOf(scope, config.imageId);
  if (config.osType === OperatingSystemType.WINDOWS) {
    throw new FleetPropsError(where, 'machineImage', 'a Windows image', ALLOWED);
  }
  if (TOO_OLD.test(parameter)) {
    throw new FleetPropsError(where, 'machineImage', `Amazon Linux 2 or older (${parameter})`, ALLOWED);
  }
  // Each call of an image that is a map of AMIs by region creates another mapping in the template.
  return { getImage: () => config };
}

/** The SSM parameter that the image's id comes from, at the deployment or at the launch; for other images the id. */
function parameterOf(scope: Construct, imageId: string): string {
  const stack = Stack.of(scope);
  const resolved: unknown = stack.resolve(imageId);
  if (typeof resolved === 'string') return resolved;
  const { Ref: id } = resolved as { Ref?: string };
  const parameters = stack.node.findAll().filter((one) => CfnParameter.isCfnElement(one)) as CfnParameter[];
  return String(parameters.find(({ logicalId }) => stack.resolve(logicalId) === id)?.default ?? '');
}
