import type { Route, RouteTable, Subnet, VpcEndpoint } from '@aws-sdk/client-ec2';
import { synchronizeTime } from '../../aws/client-time.ts';
import { clientOptions } from '../../aws/clients.ts';
import type { FleetContext } from '../context.ts';
import type { NetworkState, SubnetState } from './check-input.ts';

/**
 * Which services instances in these subnets can reach. The client of EC2 is large and used only here, so it is loaded
 * on demand.
 */
export async function readNetwork(
  { facts, clock }: Pick<FleetContext, 'facts' | 'clock'>,
  SubnetIds: string[],
): Promise<NetworkState> {
  const ec2 = await import('@aws-sdk/client-ec2');
  const client = new ec2.EC2Client(clientOptions(facts.region));
  synchronizeTime(client, clock);
  try {
    const { Subnets = [] } = await client.send(new ec2.DescribeSubnetsCommand({ SubnetIds }));
    const vpcs = [...new Set(Subnets.map(({ VpcId = '' }) => VpcId))];
    const inVpcs = { Filters: [{ Name: 'vpc-id', Values: vpcs }] };
    const [{ RouteTables = [] }, { VpcEndpoints = [] }] = await Promise.all([
      client.send(new ec2.DescribeRouteTablesCommand(inVpcs)),
      client.send(new ec2.DescribeVpcEndpointsCommand(inVpcs)),
    ]);
    return { subnets: Subnets.map((subnet) => subnetSeen(subnet, RouteTables, VpcEndpoints)) };
  } finally {
    client.destroy();
  }
}

function subnetSeen(subnet: Subnet, tables: RouteTable[], endpoints: VpcEndpoint[]): SubnetState {
  const { SubnetId: id = '', VpcId } = subnet;
  const table = tableOf(subnet, VpcId, tables);
  const [route] = (table?.Routes ?? []).filter(isDefault);
  return {
    id,
    defaultRoute: route ? targetOf(route) : undefined,
    isBlackhole: route?.State === 'blackhole',
    givesAddress: subnet.MapPublicIpOnLaunch ?? false,
    endpoints: new Set(endpoints.filter((one) => serves(one, table)).map(serviceOf)),
  };
}

/** "Route table concepts": a subnet without a table of its own uses the main table of its VPC. */
function tableOf(
  { SubnetId }: Subnet,
  vpc: string | undefined,
  tables: RouteTable[],
): RouteTable | undefined {
  const own = tables.find(({ Associations = [] }) => Associations.some((one) => one.SubnetId === SubnetId));
  const main = tables.find(
    ({ VpcId, Associations = [] }) => VpcId === vpc && Associations.some(({ Main }) => Main),
  );
  return own ?? main;
}

/**
 * "Gateway endpoints": they serve the route tables that they are associated with. Other endpoints serve the whole VPC.
 */
function serves(
  { VpcEndpointType, RouteTableIds = [] }: VpcEndpoint,
  table: RouteTable | undefined,
): boolean {
  return VpcEndpointType !== 'Gateway' || RouteTableIds.includes(table?.RouteTableId ?? '');
}

/** The last part of `com.amazonaws.eu-west-1.sqs`. */
const serviceOf = ({ ServiceName = '' }: VpcEndpoint): string => ServiceName.split('.').at(-1) ?? '';

/** Only IPv4, by which agents call AWS. */
const isDefault = ({ DestinationCidrBlock }: Route): boolean => DestinationCidrBlock === '0.0.0.0/0';

function targetOf(route: Route): string {
  const { GatewayId, NatGatewayId, TransitGatewayId, NetworkInterfaceId, InstanceId } = route;
  return GatewayId ?? NatGatewayId ?? TransitGatewayId ?? NetworkInterfaceId ?? InstanceId ?? 'unknown';
}
