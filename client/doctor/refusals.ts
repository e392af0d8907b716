import { DEPLOY_ANEW } from '../instances/refused-words.ts';

/**
 * What EC2 refuses a launch for, and what to do about it. "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch
 * failures" and "Error codes for the Amazon EC2 API" list the words.
 */
const REFUSALS: readonly [words: RegExp, advice: string][] = [
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
  [/server\.internalerror/i, 'EC2 failed by itself. Auto Scaling tries again.'],
  [
    /instance profile|\biam\b|not authorized|unauthorized|access ?denied|\brole\b/i,
    "A right is missing: the instances' role and profile, Auto Scaling's service-linked role.",
  ],
  [
    /vcpu|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|spot instance (?:count|quota)|requested more/i,
    "The account's quota is used up: ask for more in Service Quotas (EC2, vCPUs of this kind of instance), or lower maxCapacity.",
  ],
  [
    /capacity|not supported in your requested availability zone|Unsupported/i,
    'AWS has none of these types to give: allow more instanceTypes, more zones, or a lower spotShare; else wait.',
  ],
  [
    /\bami\b|image[ -]?id|\bimage\b/i,
    'The machine image is not there any more. An image of a Systems Manager parameter, as by default: deploy, which takes the newest. One that the stack has baked: change its set-up and deploy. Else: name another image.',
  ],
  [
    /subnet|security ?group|free ?address|\bvpc\b/i,
    'The network has changed under the fleet: see that its subnets and its security group are there and have free addresses.',
  ],
  [
    /launch ?template/i,
    `The launch template or its version was changed or deleted. If a version was, change what is in it (rootVolume, say) and deploy. If all of it was: ${DEPLOY_ANEW}`,
  ],
];

export function refusalAdvice(message: string): string {
  const known = REFUSALS.find(([words]) => words.test(message));
  return known?.[1] ?? 'Auto Scaling tries again, later each time; this is all it says.';
}
