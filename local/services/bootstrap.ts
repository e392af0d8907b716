/**
 * What `cdk bootstrap` makes in a region. Here it is there from the start, so that `cdk deploy` works at once: these are
 * stand-ins, whose names are free to whoever makes the things themselves.
 */
export interface BootstrapNames {
  bucket: string;
  roles: string[];
  parameter: string;
}

/** The version of the CDK's bootstrap resources, of the pinned CLI's template. The CDK refuses to deploy to an older one. */
export const BOOTSTRAP_VERSION = '33';

export function bootstrapNames(accountId: string, region: string): BootstrapNames {
  const kinds = ['deploy', 'file-publishing', 'image-publishing', 'lookup', 'cfn-exec'];
  return {
    bucket: `cdk-hnb659fds-assets-${accountId}-${region}`,
    roles: kinds.map((kind) => `cdk-hnb659fds-${kind}-role-${accountId}-${region}`),
    parameter: '/cdk-bootstrap/hnb659fds/version',
  };
}
