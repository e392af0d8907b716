import * as v from 'valibot';
import { optionalStructure, structures } from '../../front-door/read.ts';
import type { Input } from '../../front-door/service.ts';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import { ignoreErrors, mergeTagList, properties, tagListProperty, textProperty } from './properties.ts';

const schema = properties({
  // EC2 itself checks its content and refuses what it does not know.
  LaunchTemplateData: v.record(v.string(), v.unknown()),
  LaunchTemplateName: v.optional(textProperty),
  TagSpecifications: v.optional(v.array(properties({ ResourceType: textProperty, Tags: tagListProperty }))),
  VersionDescription: v.optional(textProperty),
});

function attributes(LaunchTemplateId: string, latest: unknown) {
  return { DefaultVersionNumber: '1', LatestVersionNumber: String(latest), LaunchTemplateId };
}

function noteWarnings(answer: Input, { addEventReason }: ResourceContext): void {
  const warning = optionalStructure(answer, 'Warning') ?? {};
  for (const { Message } of structures(warning, 'Errors')) addEventReason(String(Message));
}

/** A change of the data creates a new version; resources that use `LatestVersionNumber` are updated. */
const launchTemplate = resourceType<v.InferOutput<typeof schema>>({
  type: 'AWS::EC2::LaunchTemplate',
  schema,
  createOnly: ['LaunchTemplateName', 'TagSpecifications'],
  nameProperty: 'LaunchTemplateName',
  attributes: ['DefaultVersionNumber', 'LatestVersionNumber', 'LaunchTemplateId'],
  volatileAttributes: ['LatestVersionNumber'],
  async create(props, context) {
    const { LaunchTemplateData, VersionDescription } = props;
    const LaunchTemplateName = props.LaunchTemplateName ?? context.generatedName(128);
    const own = props.TagSpecifications?.find((one) => one.ResourceType === 'launch-template')?.Tags;
    const Tags = mergeTagList(own, context);
    const answer = await context.call('ec2', 'CreateLaunchTemplate', {
      ...{ LaunchTemplateName, LaunchTemplateData, VersionDescription },
      TagSpecifications: [{ ResourceType: 'launch-template', Tags }],
    });
    const { LaunchTemplateId } = answer['LaunchTemplate'] as { LaunchTemplateId: string };
    noteWarnings(answer, context);
    return { physicalId: LaunchTemplateId, attributes: attributes(LaunchTemplateId, 1) };
  },
  async update({ physicalId: LaunchTemplateId }, props, _previous, context) {
    const { LaunchTemplateData, VersionDescription } = props;
    const answer = await context.call('ec2', 'CreateLaunchTemplateVersion', {
      ...{ LaunchTemplateId, LaunchTemplateData, VersionDescription },
    });
    noteWarnings(answer, context);
    const { VersionNumber } = answer['LaunchTemplateVersion'] as { VersionNumber: number };
    return { physicalId: LaunchTemplateId, attributes: attributes(LaunchTemplateId, VersionNumber) };
  },
  async delete({ physicalId: LaunchTemplateId }, _props, { call }) {
    const codes = ['InvalidLaunchTemplateId.NotFound', 'InvalidLaunchTemplateId.NotFoundException'];
    await ignoreErrors(codes, () => call('ec2', 'DeleteLaunchTemplate', { LaunchTemplateId }));
  },
});

export const launchTemplateTypes: ResourceType[] = [launchTemplate];
