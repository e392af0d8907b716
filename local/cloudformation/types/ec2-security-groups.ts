import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import { retagEc2, tagSpecifications } from './ec2-tags.ts';
import { ignoreErrors, numberProperty, properties, tagListProperty, textProperty } from './properties.ts';

const GONE = ['InvalidGroup.NotFound', 'InvalidGroupId.NotFound', 'InvalidPermission.NotFound'];

const ruleEntries = {
  CidrIp: v.optional(textProperty),
  CidrIpv6: v.optional(textProperty),
  Description: v.optional(textProperty),
  FromPort: v.optional(numberProperty),
  IpProtocol: textProperty,
  ToPort: v.optional(numberProperty),
};
const ingressEntries = {
  ...ruleEntries,
  SourcePrefixListId: v.optional(textProperty),
  SourceSecurityGroupId: v.optional(textProperty),
  SourceSecurityGroupOwnerId: v.optional(textProperty),
};
const egressEntries = {
  ...ruleEntries,
  DestinationPrefixListId: v.optional(textProperty),
  DestinationSecurityGroupId: v.optional(textProperty),
};
const ingressRule = properties(ingressEntries);
const egressRule = properties(egressEntries);
type Rule = Partial<v.InferOutput<typeof ingressRule> & v.InferOutput<typeof egressRule>>;

/** A rule in the form of EC2's calls. */
function permission(rule: Rule) {
  const { Description } = rule;
  const group = rule.SourceSecurityGroupId ?? rule.DestinationSecurityGroupId;
  const prefixes = rule.SourcePrefixListId ?? rule.DestinationPrefixListId;
  return {
    IpProtocol: rule.IpProtocol,
    FromPort: rule.FromPort,
    ToPort: rule.ToPort,
    ...(rule.CidrIp !== undefined && { IpRanges: [{ CidrIp: rule.CidrIp, Description }] }),
    ...(rule.CidrIpv6 !== undefined && { Ipv6Ranges: [{ CidrIpv6: rule.CidrIpv6, Description }] }),
    ...(group !== undefined && { UserIdGroupPairs: [{ GroupId: group, Description }] }),
    ...(prefixes !== undefined && { PrefixListIds: [{ PrefixListId: prefixes, Description }] }),
  };
}

type Direction = 'Ingress' | 'Egress';

async function authorize(GroupId: string, direction: Direction, rules: Rule[], { call }: ResourceContext) {
  if (rules.length === 0) return;
  const IpPermissions = rules.map(permission);
  await call('ec2', `AuthorizeSecurityGroup${direction}`, { GroupId, IpPermissions });
}

async function revoke(GroupId: string, direction: Direction, rules: Rule[], { call }: ResourceContext) {
  if (rules.length === 0) return;
  const IpPermissions = rules.map(permission);
  await ignoreErrors(GONE, () => call('ec2', `RevokeSecurityGroup${direction}`, { GroupId, IpPermissions }));
}

async function changeRules(
  GroupId: string,
  direction: Direction,
  [before, after]: [Rule[], Rule[]],
  context: ResourceContext,
): Promise<void> {
  const isIn = (rules: Rule[], rule: Rule) => rules.some((other) => isDeepStrictEqual(rule, other));
  await revoke(
    GroupId,
    direction,
    before.filter((rule) => !isIn(after, rule)),
    context,
  );
  await authorize(
    GroupId,
    direction,
    after.filter((rule) => !isIn(before, rule)),
    context,
  );
}

const groupSchema = properties({
  GroupDescription: textProperty,
  GroupName: v.optional(textProperty),
  SecurityGroupEgress: v.optional(v.array(egressRule)),
  SecurityGroupIngress: v.optional(v.array(ingressRule), []),
  Tags: v.optional(tagListProperty),
  VpcId: v.optional(textProperty),
});

/** The egress rule of a new group. */
const ANYWHERE: Rule = { IpProtocol: '-1', CidrIp: '0.0.0.0/0' };

const securityGroup = resourceType<v.InferOutput<typeof groupSchema>>({
  type: 'AWS::EC2::SecurityGroup',
  schema: groupSchema,
  createOnly: ['GroupDescription', 'GroupName', 'VpcId'],
  nameProperty: 'GroupName',
  taggable: true,
  attributes: ['GroupId', 'Id', 'VpcId'],
  async create(props, context) {
    const { GroupDescription: Description, GroupName = context.generatedName(255), VpcId } = props;
    const TagSpecifications = tagSpecifications('security-group', props.Tags, context);
    const group = { GroupName, Description, VpcId, TagSpecifications };
    const { GroupId } = await context.call('ec2', 'CreateSecurityGroup', group);
    const id = String(GroupId);
    context.reportCreated(id);
    await authorize(id, 'Ingress', props.SecurityGroupIngress, context);
    if (props.SecurityGroupEgress) {
      await revoke(id, 'Egress', [ANYWHERE], context);
      await authorize(id, 'Egress', props.SecurityGroupEgress, context);
    }
    return { physicalId: id, attributes: { GroupId: id, Id: id, ...(VpcId === undefined ? {} : { VpcId }) } };
  },
  async update(resource, props, previous, context) {
    const id = resource.physicalId;
    const ingress: [Rule[], Rule[]] = [previous.SecurityGroupIngress, props.SecurityGroupIngress];
    await changeRules(id, 'Ingress', ingress, context);
    const egress: [Rule[], Rule[]] = [
      previous.SecurityGroupEgress ?? [ANYWHERE],
      props.SecurityGroupEgress ?? [ANYWHERE],
    ];
    await changeRules(id, 'Egress', egress, context);
    await retagEc2(id, props.Tags, previous.Tags, context);
    return resource;
  },
  async delete({ physicalId: GroupId }, _props, { call }) {
    await ignoreErrors(GONE, () => call('ec2', 'DeleteSecurityGroup', { GroupId }));
  },
});

/** A rule outside its group. A template needs it where rules inside groups would make a circular dependency. */
function ruleType(
  direction: Direction,
  schema: v.GenericSchema<unknown, Rule & { GroupId: string }>,
  createOnly: string[],
): ResourceType {
  return resourceType<Rule & { GroupId: string }>({
    type: `AWS::EC2::SecurityGroup${direction}`,
    schema,
    createOnly,
    attributes: ['Id'],
    async create({ GroupId, ...rule }, context) {
      await authorize(GroupId, direction, [rule], context);
      const physicalId = context.generatedName();
      return { physicalId, attributes: { Id: physicalId } };
    },
    async delete(_resource, { GroupId, ...rule }, context) {
      await revoke(GroupId, direction, [rule], context);
    },
  });
}

const ingressSchema = properties({ ...ingressEntries, GroupId: textProperty });
const egressSchema = properties({ ...egressEntries, GroupId: textProperty });

export const securityGroupTypes: ResourceType[] = [
  securityGroup,
  ruleType('Ingress', ingressSchema, Object.keys(ingressSchema.entries)),
  ruleType('Egress', egressSchema, Object.keys(egressSchema.entries)),
];
