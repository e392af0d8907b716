/**
 * The resources that `cdk bootstrap` makes in a region. They exist from the start, so that `cdk deploy` works at once.
 * They are stand-ins: whoever creates a resource of the same name replaces them.
 */
export interface BootstrapNames {
  bucket: string;
  roles: string[];
  parameter: string;
}

/** The version of the CDK's bootstrap resources in the pinned CLI's template. The CDK refuses an older one. */
export const BOOTSTRAP_VERSION = '33';

export function bootstrapNames(accountId: string, region: string): BootstrapNames {
  const kinds = ['deploy', 'file-publishing', 'image-publishing', 'lookup', 'cfn-exec'];
  return {
    bucket: `cdk-hnb659fds-assets-${accountId}-${region}`,
    roles: kinds.map((kind) => `cdk-hnb659fds-${kind}-role-${accountId}-${region}`),
    parameter: '/cdk-bootstrap/hnb659fds/version',
  };
}
