import { Annotations, CfnResource, Token } from 'aws-cdk-lib';
import {
  CfnRoute,
  CfnSubnet,
  CfnVPCEndpoint,
  type ISubnet,
  type IVpc,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';

/** What synth knows of the outbound access of the selected subnets. */
interface SubnetProblems {
  errors: string[];
  warnings: Record<string, string>;
}

/** For the messages: which prop selects the subnets, and what to select instead. */
const OF_FLEET = {
  chosen: 'vpcSubnets selects subnets',
  instead:
    'private subnets with a NAT gateway, or public ones: vpcSubnets: { subnetType: SubnetType.PUBLIC }',
};
const OF_BUILDER: typeof OF_FLEET = {
  chosen: 'bakedImage.subnet is a subnet',
  instead: 'a private subnet with a NAT gateway, or a public one',
};

const NO_OUTBOUND_ACCESS = 'mayfly:subnetsWithoutWayOut';
const PERHAPS_NO_ADDRESS = 'mayfly:publicSubnetsMayGiveNoAddress';

/**
 * Refuses subnets from which no instance could reach AWS, and warns of subnets of which synth cannot know it. It runs at synth,
 * as routes and endpoints may be added after the fleet.
 */
export function checkOutboundAccess(scope: Construct, vpc: IVpc, selection: SubnetSelection): void {
  scope.node.addValidation({
    validate: () => {
      const { errors, warnings } = checkSubnets(scope, vpc, selection);
      for (const [id, text] of Object.entries(warnings)) Annotations.of(scope).addWarningV2(id, text);
      return errors;
    },
  });
}

/** The same for the subnet in which the image is built, without warnings: the build itself shows what synth cannot know. */
export function checkBuilderOutboundAccess(scope: Construct, vpc: IVpc, subnet: ISubnet): void {
  scope.node.addValidation({
    validate: () => checkSubnets(scope, vpc, { subnets: [subnet] }, OF_BUILDER).errors,
  });
}

function checkSubnets(
  scope: Construct,
  vpc: IVpc,
  selection: SubnetSelection,
  choice = OF_FLEET,
): SubnetProblems {
  const { subnets, isPendingLookup } = vpc.selectSubnets(selection);
  // In the first synth of a lookup the subnets are placeholders.
  if (isPendingLookup) return { errors: [], warnings: {} };
  const made = subnets.filter(resourceOf);
  const imported = subnets.filter((subnet) => !resourceOf(subnet));
  const app = resourcesOfApp(scope);
  const closed = made.filter((subnet) => !app.some((one) => isDefaultRoute(one, subnet)));
  const hasEndpoints = app.some((one) => isInterfaceEndpoint(one, vpc));
  const addressless = made.filter((subnet) => vpc.publicSubnets.includes(subnet) && givesNoAddress(subnet));
  const perhapsClosed = imported.filter((subnet) => vpc.isolatedSubnets.includes(subnet));
  const perhapsAddressless = imported.filter((subnet) => vpc.publicSubnets.includes(subnet));
  return {
    errors: [
      ...(closed.length > 0 && !hasEndpoints ? [noOutboundAccess(choice, pathsOf(closed))] : []),
      ...(addressless.length > 0 ? [noAddress(pathsOf(addressless))] : []),
    ],
    warnings: {
      ...(closed.length > 0 && hasEndpoints && { [NO_OUTBOUND_ACCESS]: onlyEndpoints(pathsOf(closed)) }),
      ...(perhapsClosed.length > 0 && { [NO_OUTBOUND_ACCESS]: onlyEndpoints(idsOf(perhapsClosed)) }),
      ...(perhapsAddressless.length > 0 && {
        [PERHAPS_NO_ADDRESS]: perhapsNoAddress(idsOf(perhapsAddressless)),
      }),
    },
  };
}

const noOutboundAccess = ({ chosen, instead }: typeof OF_FLEET, subnets: string): string =>
  `${chosen} without outbound access by IPv4 (${subnets}): instances could reach neither AWS nor packages. Select ${instead}`;

const noAddress = (subnets: string): string =>
  `the public subnets ${subnets} assign no public IPv4 addresses, so instances have no outbound access. Set ` +
  'mapPublicIpOnLaunch: true in the ' +
  "VPC's subnetConfiguration, or select private subnets with a NAT gateway";

const onlyEndpoints = (subnets: string): string =>
  `The subnets ${subnets} have no outbound access, except through endpoints of the VPC. Instances need endpoints of sqs, ` +
  'dynamodb, s3, autoscaling and sts (of secretsmanager or ssm for secrets), and an image that has all packages. mayfly ' +
  'doctor shows which are missing.';

const perhapsNoAddress = (subnets: string): string =>
  `Synth does not know whether the public subnets ${subnets} assign public IPv4 addresses. Without one an instance has no ` +
  'outbound access. mayfly doctor checks it once the fleet is deployed.';

const pathsOf = (subnets: ISubnet[]): string => subnets.map(({ node }) => node.path).join(', ');
const idsOf = (subnets: ISubnet[]): string => subnets.map(({ subnetId }) => subnetId).join(', ');

/** The resource of a subnet of this app. It is recognised by its type, as an app may contain a second copy of aws-cdk-lib. */
function resourceOf({ node }: ISubnet): CfnSubnet | undefined {
  const child = node.defaultChild;
  return isOf<CfnSubnet>(child, CfnSubnet.CFN_RESOURCE_TYPE_NAME) ? child : undefined;
}

/** An `Fn::If` of the template counts as an address. */
const givesNoAddress = (subnet: ISubnet): boolean => {
  const given = resourceOf(subnet)?.mapPublicIpOnLaunch;
  return given === undefined || given === false;
};

/**
 * Whether the resource is a default route by IPv4, which agents use. A prefix list, and a destination that only the deployment
 * knows, may be one and count as one.
 */
function isDefaultRoute(one: CfnResource, { routeTable }: ISubnet): boolean {
  if (!isOf<CfnRoute>(one, CfnRoute.CFN_RESOURCE_TYPE_NAME)) return false;
  if (one.routeTableId !== routeTable.routeTableId) return false;
  const { destinationCidrBlock: block, destinationPrefixListId } = one;
  return destinationPrefixListId !== undefined || block === '0.0.0.0/0' || Token.isUnresolved(block);
}

function isInterfaceEndpoint(one: CfnResource, { vpcId }: IVpc): boolean {
  if (!isOf<CfnVPCEndpoint>(one, CfnVPCEndpoint.CFN_RESOURCE_TYPE_NAME)) return false;
  return one.vpcId === vpcId && one.vpcEndpointType === 'Interface';
}

const resourcesOfApp = (scope: Construct): CfnResource[] =>
  scope.node.root.node.findAll().filter(CfnResource.isCfnResource);

function isOf<Resource extends CfnResource>(one: unknown, type: string): one is Resource {
  return (
    one !== undefined &&
    CfnResource.isCfnResource(one as Construct) &&
    (one as CfnResource).cfnResourceType === type
  );
}
