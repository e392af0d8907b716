import { RECREATE_ADVICE } from '../instances/refusal-text.ts';

/**
 * Why EC2 refuses launches, and what to do. "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures" and
 * "Error codes for the Amazon EC2 API" list the messages.
 */
const REFUSALS: readonly [message: RegExp, advice: string][] = [
  [
    /eligible for free tier/i,
    'The account is on the free plan of AWS, which allows few instance types: set instanceTypes to some of `aws ec2 describe-instance-types --filters Name=free-tier-eligible,Values=true`, or upgrade the plan.',
  ],
  [
    /client\.internalerror|client error on launch|\bkms\b|kmskey/i,
    "Auto Scaling may not use the key that encrypts volumes, which is by default the key of EBS in the account's settings. The " +
      'policy of that key has to allow the role AWSServiceRoleForAutoScaling ("Required AWS KMS key policy for use with ' +
      'encrypted volumes"), and with a spotShare the role AWSServiceRoleForEC2Spot.',
  ],
  [/server\.internalerror/i, 'EC2 had an internal error. Auto Scaling tries again.'],
  [
    /instance profile|\biam\b|not authorized|unauthorized|access ?denied|\brole\b/i,
    "A permission is missing. Check the instances' role and instance profile, and Auto Scaling's service-linked role.",
  ],
  [
    /vcpu|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|spot instance (?:count|quota)|requested more/i,
    "The account's quota is used up. Request an increase in Service Quotas (EC2, vCPUs of this kind of instance), or lower maxCapacity.",
  ],
  [
    /capacity|not supported in your requested availability zone|Unsupported/i,
    'AWS has no capacity for these types. Set more instanceTypes, more Availability Zones or a lower spotShare, or wait.',
  ],
  [
    /\bami\b|image[ -]?id|\bimage\b/i,
    'The machine image does not exist any more. If it comes from a Systems Manager parameter (the default), deploy: that uses the newest. If the stack baked it, change its set-up and deploy. Otherwise set another image.',
  ],
  [
    /subnet|security ?group|free ?address|\bvpc\b/i,
    'The network of the fleet has changed. Check that its subnets and its security group exist, and that the subnets have free addresses.',
  ],
  [
    /launch ?template/i,
    `The launch template or its version was changed or deleted. If it was a version, change a prop that is in it (for example rootVolume) and deploy. If it was the whole template: ${RECREATE_ADVICE}`,
  ],
];

export function adviseOnRefusedLaunch(message: string): string {
  const known = REFUSALS.find(([pattern]) => pattern.test(message));
  return known?.[1] ?? 'Auto Scaling tries again, later each time. It gives no other reason.';
}
