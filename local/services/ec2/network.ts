import { randomBytes } from 'node:crypto';
import { optionalBoolean, optionalText, structures, text, texts } from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../front-door/service.ts';

/** One kind of network resource, with its members as EC2 shows them. */
interface Kind {
  /** `Vpc`: CreateVpc answers `{Vpc}`, DescribeVpcs `{Vpcs}`. */
  name: string;
  plural: string;
  prefix: string;
  /** The resources that must exist and be named in a creation. */
  within: readonly string[];
  /** EC2's error code for one that does not exist, such as `InvalidVpcID`. */
  invalid: string;
}

const KINDS: readonly Kind[] = [
  { name: 'Vpc', plural: 'Vpcs', prefix: 'vpc', within: [], invalid: 'InvalidVpcID' },
  { name: 'Subnet', plural: 'Subnets', prefix: 'subnet', within: ['VpcId'], invalid: 'InvalidSubnetID' },
  {
    name: 'InternetGateway',
    plural: 'InternetGateways',
    prefix: 'igw',
    within: [],
    invalid: 'InvalidInternetGatewayID',
  },
  {
    name: 'RouteTable',
    plural: 'RouteTables',
    prefix: 'rtb',
    within: ['VpcId'],
    invalid: 'InvalidRouteTableID',
  },
  {
    name: 'VpcEndpoint',
    plural: 'VpcEndpoints',
    prefix: 'vpce',
    within: ['VpcId'],
    invalid: 'InvalidVpcEndpointId',
  },
];

/** `Filters` of the Describe actions, with the member that each compares. */
const FILTERS: Record<string, string> = { 'vpc-id': 'VpcId', 'subnet-id': 'SubnetId' };

/**
 * The networks of instances. They are stored and shown but route nothing: processes on one machine communicate over
 * loopback. Only ids, zones and relations have an effect here.
 */
export class Network {
  readonly #context: CloudContext;
  /** By id, of any kind. */
  readonly #resources = new Map<string, Input>();

  constructor(context: CloudContext) {
    this.#context = context;
  }

  /** @throws `InvalidSubnetID.NotFound` */
  zoneOf(subnetId: string): string {
    return text(this.#get(subnetId, 'InvalidSubnetID', 'subnet'), 'AvailabilityZone');
  }

  /** Sets tags on a network resource, or removes those whose value is undefined. */
  tag(id: string, tags: ReadonlyMap<string, string | undefined>): void {
    const resource = this.#resources.get(id);
    if (!resource) return;
    const kept = structures(resource, 'Tags').filter((one) => !tags.has(text(one, 'Key')));
    const added = [...tags].flatMap(([Key, Value]) => (Value === undefined ? [] : [{ Key, Value }]));
    resource['Tags'] = [...kept, ...added];
  }

  operations(): Record<string, Operation> {
    return {
      ...Object.assign({}, ...KINDS.map((kind) => this.#operationsOf(kind))),
      ...this.#securityGroups(),
      ...this.#joins(),
      DescribeAvailabilityZones: { run: () => ({ AvailabilityZones: this.#zones() }) },
    };
  }

  #operationsOf({ name, plural, prefix, within, invalid }: Kind): Record<string, Operation> {
    const id = `${name}Id`;
    return {
      [`Create${name}`]: {
        run: (input) => {
          for (const parent of within) this.#get(text(input, parent), `Invalid${parent}`, parent);
          const { TagSpecifications: _, ...members } = input;
          const made = { [id]: newId(prefix), State: 'available', ...members, Tags: tagsOf(input) };
          if (name === 'Subnet') Object.assign(made, { AvailabilityZone: this.#chosenZone(input) });
          this.#resources.set(text(made, id), made);
          return { [name]: made };
        },
      },
      [`Delete${name}`]: {
        run: (input) => {
          const wanted = text(input, id);
          this.#get(wanted, invalid, name);
          this.#resources.delete(wanted);
          return {};
        },
      },
      [`Describe${plural}`]: {
        run: (input) => {
          const ids = texts(input, `${id}s`);
          const every = [...this.#resources].filter(([key]) => key.startsWith(`${prefix}-`));
          const wanted = ids.length > 0 ? ids.map((key) => this.#get(key, invalid, name)) : undefined;
          return { [plural]: filtered(wanted ?? every.map(([, value]) => value), input) };
        },
      },
      [`Modify${name}Attribute`]: {
        run: (input) => {
          const { [id]: wanted, ...attributes } = input;
          const resource = this.#get(String(wanted), invalid, name);
          // "AttributeBooleanValue": the description of the resource has only the value.
          for (const [key, value] of Object.entries(attributes)) {
            resource[key] = optionalBoolean(value as Input, 'Value');
          }
          return {};
        },
      },
    };
  }

  #securityGroups(): Record<string, Operation> {
    const one = (id: string) => this.#get(id, 'InvalidGroup', 'security group');
    const rules = (member: string, add: boolean): Operation => ({
      run: (input) => {
        const group = one(text(input, 'GroupId'));
        const given = structures(input, 'IpPermissions').map((rule) => JSON.stringify(rule));
        const before = structures(group, member).map((rule) => JSON.stringify(rule));
        const kept = before.filter((rule) => !given.includes(rule));
        group[member] = (add ? [...kept, ...given] : kept).map((rule) => JSON.parse(rule));
        return { Return: true };
      },
    });
    return {
      CreateSecurityGroup: {
        run: (input) => {
          const GroupId = newId('sg');
          const { Description, GroupName, VpcId } = input;
          const anywhere = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
          const group = { GroupId, GroupName, Description, VpcId, OwnerId: this.#context.accountId };
          const open = { IpPermissions: [], IpPermissionsEgress: [anywhere], Tags: tagsOf(input) };
          this.#resources.set(GroupId, { ...group, ...open });
          return { GroupId, Tags: tagsOf(input) };
        },
      },
      DeleteSecurityGroup: {
        run: (input) => {
          one(text(input, 'GroupId'));
          this.#resources.delete(text(input, 'GroupId'));
          return { Return: true };
        },
      },
      DescribeSecurityGroups: {
        run: (input) => {
          const ids = texts(input, 'GroupIds');
          const every = [...this.#resources].filter(([key]) => key.startsWith('sg-'));
          return { SecurityGroups: ids.length > 0 ? ids.map(one) : every.map(([, value]) => value) };
        },
      },
      AuthorizeSecurityGroupIngress: rules('IpPermissions', true),
      RevokeSecurityGroupIngress: rules('IpPermissions', false),
      AuthorizeSecurityGroupEgress: rules('IpPermissionsEgress', true),
      RevokeSecurityGroupEgress: rules('IpPermissionsEgress', false),
    };
  }

  /** The operations that associate two resources. */
  #joins(): Record<string, Operation> {
    const gateway = (input: Input) =>
      this.#get(text(input, 'InternetGatewayId'), 'InvalidInternetGatewayID', 'internet gateway');
    const table = (input: Input) =>
      this.#get(text(input, 'RouteTableId'), 'InvalidRouteTableID', 'route table');
    const destination = (route: Input) =>
      optionalText(route, 'DestinationCidrBlock') ?? optionalText(route, 'DestinationIpv6CidrBlock');
    const others = (input: Input) =>
      structures(table(input), 'Routes').filter((route) => destination(route) !== destination(input));
    return {
      AttachInternetGateway: {
        run: (input) => {
          gateway(input)['Attachments'] = [{ VpcId: text(input, 'VpcId'), State: 'available' }];
          return {};
        },
      },
      DetachInternetGateway: {
        run: (input) => {
          gateway(input)['Attachments'] = [];
          return {};
        },
      },
      DeleteVpcEndpoints: {
        run: (input) => {
          for (const id of texts(input, 'VpcEndpointIds')) {
            this.#get(id, 'InvalidVpcEndpointId', 'VPC endpoint');
            this.#resources.delete(id);
          }
          return { Unsuccessful: [] };
        },
      },
      CreateRoute: {
        run: (input) => {
          const { RouteTableId: _, ...route } = input;
          table(input)['Routes'] = [...others(input), { ...route, State: 'active', Origin: 'CreateRoute' }];
          return { Return: true };
        },
      },
      ReplaceRoute: {
        run: (input) => {
          const { RouteTableId: _, ...route } = input;
          table(input)['Routes'] = [...others(input), { ...route, State: 'active', Origin: 'CreateRoute' }];
          return {};
        },
      },
      DeleteRoute: {
        run: (input) => {
          table(input)['Routes'] = others(input);
          return {};
        },
      },
      AssociateRouteTable: {
        run: (input) => {
          const AssociationId = newId('rtbassoc');
          const association = { RouteTableAssociationId: AssociationId, SubnetId: input['SubnetId'] };
          table(input)['Associations'] = [...structures(table(input), 'Associations'), association];
          return { AssociationId, AssociationState: { State: 'associated' } };
        },
      },
      DisassociateRouteTable: {
        run: (input) => {
          const id = text(input, 'AssociationId');
          for (const resource of this.#resources.values()) {
            const kept = structures(resource, 'Associations').filter(
              (one) => one['RouteTableAssociationId'] !== id,
            );
            if (resource['Associations']) resource['Associations'] = kept;
          }
          return {};
        },
      },
    };
  }

  #get(id: string, invalid: string, what: string): Input {
    const found = this.#resources.get(id);
    if (found) return found;
    throw new AwsError(`${invalid}.NotFound`, `The ${what} ID '${id}' does not exist`);
  }

  #chosenZone(input: Input): string {
    const zones = this.#zones().map(({ ZoneName }) => ZoneName);
    return optionalText(input, 'AvailabilityZone') ?? zones[0] ?? '';
  }

  #zones() {
    const { region } = this.#context;
    return ['a', 'b', 'c'].map((letter) => ({
      ZoneName: region + letter,
      ZoneId: `${region}-az-${letter}`,
      RegionName: region,
      GroupName: region,
      State: 'available',
      OptInStatus: 'opt-in-not-required',
      ZoneType: 'availability-zone',
    }));
  }
}

/** @throws `InvalidParameterValue` for a filter that is not implemented here. */
function filtered(resources: Input[], input: Input): Input[] {
  const filters = structures(input, 'Filters').map((filter) => {
    const name = text(filter, 'Name');
    const member = FILTERS[name];
    if (member) return { values: texts(filter, 'Values'), member };
    throw new AwsError('InvalidParameterValue', `The filter '${name}' is not implemented here.`);
  });
  return resources.filter((one) =>
    filters.every(({ member, values }) => values.includes(String(one[member]))),
  );
}

function newId(prefix: string): string {
  return `${prefix}-0${randomBytes(8).toString('hex')}`;
}

function tagsOf(input: Input): Input[] {
  return structures(input, 'TagSpecifications').flatMap((one) => structures(one, 'Tags'));
}
