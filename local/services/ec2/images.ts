import { texts } from '../../front-door/read.ts';
import type { CloudContext, Operation } from '../../front-door/service.ts';

/** Every image exists: what an instance runs does not depend on its image. */
export function imageOperations({ accountId }: CloudContext): Record<string, Operation> {
  return {
    DescribeImages: {
      run: (input) => ({
        Images: texts(input, 'ImageIds').map((ImageId) => ({
          ImageId,
          Name: ImageId,
          State: 'available',
          OwnerId: accountId,
          Architecture: 'x86_64',
          RootDeviceType: 'ebs',
          RootDeviceName: '/dev/xvda',
          VirtualizationType: 'hvm',
          Public: true,
        })),
      }),
    },
  };
}
