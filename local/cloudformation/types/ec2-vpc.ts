import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import { retagEc2, tagSpecifications } from './ec2-tags.ts';
import {
  booleanProperty,
  documentProperty,
  ignoreErrors,
  properties,
  tagListProperty,
  textListProperty,
  textProperty,
} from './properties.ts';

const vpcSchema = properties({
  CidrBlock: textProperty,
  EnableDnsHostnames: v.optional(booleanProperty),
  EnableDnsSupport: v.optional(booleanProperty),
  InstanceTenancy: v.optional(textProperty),
  Tags: v.optional(tagListProperty),
});

const vpc = resourceType<v.InferOutput<typeof vpcSchema>>({
  type: 'AWS::EC2::VPC',
  schema: vpcSchema,
  createOnly: ['CidrBlock', 'InstanceTenancy'],
  taggable: true,
  attributes: ['CidrBlock', 'VpcId'],
  async create({ Tags, CidrBlock, InstanceTenancy, ...dns }, context) {
    const TagSpecifications = tagSpecifications('vpc', Tags, context);
    const answer = await context.call('ec2', 'CreateVpc', { CidrBlock, InstanceTenancy, TagSpecifications });
    const { VpcId } = answer['Vpc'] as { VpcId: string };
    context.reportCreated(VpcId);
    await setDns(VpcId, dns, context);
    return { physicalId: VpcId, attributes: { CidrBlock, VpcId } };
  },
  async update(resource, props, previous, context) {
    await setDns(resource.physicalId, props, context);
    await retagEc2(resource.physicalId, props.Tags, previous.Tags, context);
    return resource;
  },
  async delete({ physicalId: VpcId }, _props, { call }) {
    await ignoreErrors(['InvalidVpcID.NotFound'], () => call('ec2', 'DeleteVpc', { VpcId }));
  },
});

/** ModifyVpcAttribute takes one attribute a call. */
async function setDns(
  VpcId: string,
  dns: Pick<v.InferOutput<typeof vpcSchema>, 'EnableDnsHostnames' | 'EnableDnsSupport'>,
  { call }: ResourceContext,
): Promise<void> {
  for (const name of ['EnableDnsSupport', 'EnableDnsHostnames'] as const) {
    const Value = dns[name];
    if (Value !== undefined) await call('ec2', 'ModifyVpcAttribute', { VpcId, [name]: { Value } });
  }
}

const subnetSchema = properties({
  AvailabilityZone: v.optional(textProperty),
  CidrBlock: textProperty,
  MapPublicIpOnLaunch: v.optional(booleanProperty),
  Tags: v.optional(tagListProperty),
  VpcId: textProperty,
});

const subnet = resourceType<v.InferOutput<typeof subnetSchema>>({
  type: 'AWS::EC2::Subnet',
  schema: subnetSchema,
  createOnly: ['AvailabilityZone', 'CidrBlock', 'VpcId'],
  taggable: true,
  attributes: ['AvailabilityZone', 'CidrBlock', 'SubnetId', 'VpcId'],
  async create({ Tags, MapPublicIpOnLaunch, ...place }, context) {
    const TagSpecifications = tagSpecifications('subnet', Tags, context);
    const answer = await context.call('ec2', 'CreateSubnet', { ...place, TagSpecifications });
    const made = answer['Subnet'] as { SubnetId: string; AvailabilityZone: string };
    const { SubnetId, AvailabilityZone } = made;
    context.reportCreated(SubnetId);
    await mapPublicIp(SubnetId, MapPublicIpOnLaunch, context);
    const { CidrBlock, VpcId } = place;
    return { physicalId: SubnetId, attributes: { AvailabilityZone, CidrBlock, SubnetId, VpcId } };
  },
  async update(resource, props, previous, context) {
    await mapPublicIp(resource.physicalId, props.MapPublicIpOnLaunch ?? false, context);
    await retagEc2(resource.physicalId, props.Tags, previous.Tags, context);
    return resource;
  },
  async delete({ physicalId: SubnetId }, _props, { call }) {
    await ignoreErrors(['InvalidSubnetID.NotFound'], () => call('ec2', 'DeleteSubnet', { SubnetId }));
  },
});

async function mapPublicIp(
  SubnetId: string,
  Value: boolean | undefined,
  { call }: ResourceContext,
): Promise<void> {
  if (Value === undefined) return;
  await call('ec2', 'ModifySubnetAttribute', { SubnetId, MapPublicIpOnLaunch: { Value } });
}

const gatewaySchema = properties({ Tags: v.optional(tagListProperty) });

const internetGateway = resourceType<v.InferOutput<typeof gatewaySchema>>({
  type: 'AWS::EC2::InternetGateway',
  schema: gatewaySchema,
  createOnly: [],
  taggable: true,
  attributes: ['InternetGatewayId'],
  async create({ Tags }, context) {
    const TagSpecifications = tagSpecifications('internet-gateway', Tags, context);
    const answer = await context.call('ec2', 'CreateInternetGateway', { TagSpecifications });
    const { InternetGatewayId } = answer['InternetGateway'] as { InternetGatewayId: string };
    return { physicalId: InternetGatewayId, attributes: { InternetGatewayId } };
  },
  async update(resource, props, previous, context) {
    await retagEc2(resource.physicalId, props.Tags, previous.Tags, context);
    return resource;
  },
  async delete({ physicalId: InternetGatewayId }, _props, { call }) {
    const codes = ['InvalidInternetGatewayID.NotFound'];
    await ignoreErrors(codes, () => call('ec2', 'DeleteInternetGateway', { InternetGatewayId }));
  },
});

const attachmentSchema = properties({ InternetGatewayId: textProperty, VpcId: textProperty });

const attachment = resourceType<v.InferOutput<typeof attachmentSchema>>({
  type: 'AWS::EC2::VPCGatewayAttachment',
  schema: attachmentSchema,
  createOnly: [],
  attributes: ['AttachmentType'],
  async create(props, { call }) {
    await call('ec2', 'AttachInternetGateway', props);
    return { physicalId: `IGW|${props.VpcId}`, attributes: { AttachmentType: 'IGW' } };
  },
  async delete(_resource, props, { call }) {
    const codes = ['InvalidInternetGatewayID.NotFound', 'Gateway.NotAttached'];
    await ignoreErrors(codes, () => call('ec2', 'DetachInternetGateway', props));
  },
});

const routeTableSchema = properties({ Tags: v.optional(tagListProperty), VpcId: textProperty });

const routeTable = resourceType<v.InferOutput<typeof routeTableSchema>>({
  type: 'AWS::EC2::RouteTable',
  schema: routeTableSchema,
  createOnly: ['VpcId'],
  taggable: true,
  attributes: ['RouteTableId'],
  async create({ Tags, VpcId }, context) {
    const TagSpecifications = tagSpecifications('route-table', Tags, context);
    const answer = await context.call('ec2', 'CreateRouteTable', { VpcId, TagSpecifications });
    const { RouteTableId } = answer['RouteTable'] as { RouteTableId: string };
    return { physicalId: RouteTableId, attributes: { RouteTableId } };
  },
  async update(resource, props, previous, context) {
    await retagEc2(resource.physicalId, props.Tags, previous.Tags, context);
    return resource;
  },
  async delete({ physicalId: RouteTableId }, _props, { call }) {
    await ignoreErrors(['InvalidRouteTableID.NotFound'], () =>
      call('ec2', 'DeleteRouteTable', { RouteTableId }),
    );
  },
});

const routeSchema = properties({
  DestinationCidrBlock: v.optional(textProperty),
  DestinationIpv6CidrBlock: v.optional(textProperty),
  EgressOnlyInternetGatewayId: v.optional(textProperty),
  GatewayId: v.optional(textProperty),
  InstanceId: v.optional(textProperty),
  NatGatewayId: v.optional(textProperty),
  NetworkInterfaceId: v.optional(textProperty),
  RouteTableId: textProperty,
  TransitGatewayId: v.optional(textProperty),
  VpcEndpointId: v.optional(textProperty),
  VpcPeeringConnectionId: v.optional(textProperty),
});

const route = resourceType<v.InferOutput<typeof routeSchema>>({
  type: 'AWS::EC2::Route',
  schema: routeSchema,
  createOnly: ['DestinationCidrBlock', 'DestinationIpv6CidrBlock', 'RouteTableId'],
  attributes: ['CidrBlock'],
  async create(props, { call }) {
    await call('ec2', 'CreateRoute', props);
    const CidrBlock = props.DestinationCidrBlock ?? props.DestinationIpv6CidrBlock ?? '';
    return { physicalId: `${props.RouteTableId}|${CidrBlock}`, attributes: { CidrBlock } };
  },
  async update(resource, props, _previous, { call }) {
    await call('ec2', 'ReplaceRoute', props);
    return resource;
  },
  async delete(_resource, { RouteTableId, DestinationCidrBlock, DestinationIpv6CidrBlock }, { call }) {
    const codes = ['InvalidRoute.NotFound', 'InvalidRouteTableID.NotFound'];
    const destination = { RouteTableId, DestinationCidrBlock, DestinationIpv6CidrBlock };
    await ignoreErrors(codes, () => call('ec2', 'DeleteRoute', destination));
  },
});

const associationSchema = properties({ RouteTableId: textProperty, SubnetId: textProperty });

const association = resourceType<v.InferOutput<typeof associationSchema>>({
  type: 'AWS::EC2::SubnetRouteTableAssociation',
  schema: associationSchema,
  createOnly: [],
  attributes: ['Id'],
  async create(props, { call }) {
    const { AssociationId } = await call('ec2', 'AssociateRouteTable', props);
    return { physicalId: String(AssociationId), attributes: { Id: AssociationId } };
  },
  async delete({ physicalId: AssociationId }, _props, { call }) {
    const codes = ['InvalidAssociationID.NotFound'];
    await ignoreErrors(codes, () => call('ec2', 'DisassociateRouteTable', { AssociationId }));
  },
});

const endpointSchema = properties({
  PolicyDocument: v.optional(documentProperty),
  PrivateDnsEnabled: v.optional(booleanProperty),
  RouteTableIds: v.optional(textListProperty),
  SecurityGroupIds: v.optional(textListProperty),
  ServiceName: textProperty,
  SubnetIds: v.optional(textListProperty),
  Tags: v.optional(tagListProperty),
  VpcEndpointType: v.optional(textProperty),
  VpcId: textProperty,
});

/** It is shown and has no effect: the front door serves all of AWS. */
const endpoint = resourceType<v.InferOutput<typeof endpointSchema>>({
  type: 'AWS::EC2::VPCEndpoint',
  schema: endpointSchema,
  createOnly: ['ServiceName', 'VpcEndpointType', 'VpcId'],
  attributes: ['CreationTimestamp', 'Id'],
  async create({ Tags, PolicyDocument: _policy, ...rest }, context) {
    const TagSpecifications = tagSpecifications('vpc-endpoint', Tags, context);
    const answer = await context.call('ec2', 'CreateVpcEndpoint', { ...rest, TagSpecifications });
    const { VpcEndpointId: Id } = answer['VpcEndpoint'] as { VpcEndpointId: string };
    return { physicalId: Id, attributes: { CreationTimestamp: new Date().toISOString(), Id } };
  },
  update: async (resource) => resource,
  async delete({ physicalId }, _props, { call }) {
    const codes = ['InvalidVpcEndpointId.NotFound'];
    await ignoreErrors(codes, () => call('ec2', 'DeleteVpcEndpoints', { VpcEndpointIds: [physicalId] }));
  },
});

export const vpcTypes: ResourceType[] = [
  ...[vpc, subnet, internetGateway, attachment, routeTable, route, association, endpoint],
];
