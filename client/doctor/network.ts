import type { CheckInput, SubnetState } from './check-input.ts';
import { awsCommand } from './commands.ts';
import { bad, checkRead, type Finding, ok, warn } from './finding.ts';

/** Services that an agent needs. */
const NEEDED = ['sqs', 'dynamodb', 's3', 'autoscaling'];

/** Whether instances can reach AWS from the subnets that they are launched into. */
export function checkNetwork({ network, fleet }: CheckInput): Finding[] {
  // `checkGroup` reports a group that is gone.
  if (!network) return [];
  return checkRead('network', network, (seen) => {
    const findings = seen.subnets.flatMap((subnet) => faultsOf(subnet, fleet));
    if (findings.length > 0) return findings;
    const number = seen.subnets.length;
    return [
      ok(
        'network',
        number === 1 ? 'one subnet that reaches AWS' : `${number} subnets, each of which reaches AWS`,
      ),
    ];
  });
}

function faultsOf(
  { id, defaultRoute, isBlackhole, givesAddress, endpoints }: SubnetState,
  fleet: CheckInput['fleet'],
): Finding[] {
  if (isBlackhole) {
    const text = `The default route of the subnet ${id} leads to ${defaultRoute}, which is gone: instances there reach neither AWS nor package repositories.`;
    return [bad('network', text, 'Set it to an existing NAT gateway or Internet gateway.')];
  }
  if (defaultRoute === undefined) {
    const needed = fleet.secretServices.length === 0 ? NEEDED : [...NEEDED, 'sts', ...fleet.secretServices];
    const missing = needed.filter((service) => !endpoints.has(service));
    if (missing.length === 0) return endpoints.has('sts') ? [] : [withoutRoles(id)];
    const text = `The subnet ${id} has no route to the Internet (0.0.0.0/0), and no endpoint for ${missing.join(', ')}: instances there cannot work.`;
    return [
      bad(
        'network',
        text,
        "Add a route to a NAT gateway, or the endpoints (a gateway endpoint: to the subnet's route table); or set vpcSubnets to other subnets.",
      ),
    ];
  }
  if (defaultRoute.startsWith('igw-') && !givesAddress) {
    const text = `The subnet ${id} has an Internet gateway but gives instances no public address: they reach neither AWS nor package repositories.`;
    const flags = { 'subnet-id': id, 'map-public-ip-on-launch': true } as const;
    return [bad('network', text, awsCommand(fleet, 'ec2 modify-subnet-attribute', flags))];
  }
  return [];
}

function withoutRoles(subnet: string): Finding {
  const text = `The subnet ${subnet} has no route to the Internet (0.0.0.0/0), and no endpoint for sts: workers there get no credentials.`;
  return warn('network', text, 'Add the endpoint, unless workerAwsAccess is "none".');
}
