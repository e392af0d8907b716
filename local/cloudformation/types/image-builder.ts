/**
 * EC2 Image Builder, as far as a fleet's template needs it. An image gets an id, which is always the same for the same
 * recipe. No image is built: instances here do not depend on the image that they are launched from.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { ResourceContext, ResourceType } from '../resource-type.ts';
import { inert } from './inert.ts';
import { boolean, document, number, properties, tagMap, text, texts } from './properties.ts';

/** "ARN formats of Image Builder": the name is in lower case. */
function arnOf({ region, accountId }: ResourceContext, type: string, name: string): string {
  const path = name.toLowerCase().replaceAll(' ', '-');
  return `arn:aws:imagebuilder:${region}:${accountId}:${type}/${path}`;
}

const component = inert({
  type: 'AWS::ImageBuilder::Component',
  schema: properties({
    ChangeDescription: v.optional(text),
    Data: v.optional(text),
    Description: v.optional(text),
    KmsKeyId: v.optional(text),
    Name: text,
    Platform: text,
    SupportedOsVersions: v.optional(texts),
    Tags: v.optional(tagMap),
    Uri: v.optional(text),
    Version: text,
  }),
  createOnly: [
    ...['ChangeDescription', 'Data', 'Description', 'KmsKeyId', 'Name', 'Platform', 'SupportedOsVersions'],
    ...['Tags', 'Uri', 'Version'],
  ],
  nameProperty: 'Name',
  attributes: ['Arn', 'Encrypted', 'Type'],
  make({ Name, Version, KmsKeyId }, context) {
    const Arn = arnOf(context, 'component', `${Name}/${Version}/1`);
    return { physicalId: Arn, attributes: { Arn, Encrypted: KmsKeyId !== undefined, Type: 'BUILD' } };
  },
});

const imageRecipe = inert({
  type: 'AWS::ImageBuilder::ImageRecipe',
  schema: properties({
    AdditionalInstanceConfiguration: v.optional(document),
    AmiTags: v.optional(tagMap),
    BlockDeviceMappings: v.optional(v.array(document)),
    Components: v.optional(
      v.array(properties({ ComponentArn: text, Parameters: v.optional(v.array(document)) })),
    ),
    Description: v.optional(text),
    Name: text,
    ParentImage: text,
    Tags: v.optional(tagMap),
    Version: text,
    WorkingDirectory: v.optional(text),
  }),
  createOnly: [
    ...['AmiTags', 'BlockDeviceMappings', 'Components', 'Description', 'Name', 'ParentImage', 'Tags'],
    ...['Version', 'WorkingDirectory'],
  ],
  nameProperty: 'Name',
  attributes: ['Arn'],
  make({ Name, Version }, context) {
    const Arn = arnOf(context, 'image-recipe', `${Name}/${Version}`);
    return { physicalId: Arn, attributes: { Arn } };
  },
});

const infrastructureConfiguration = inert({
  type: 'AWS::ImageBuilder::InfrastructureConfiguration',
  schema: properties({
    Description: v.optional(text),
    InstanceMetadataOptions: v.optional(
      properties({ HttpPutResponseHopLimit: v.optional(number), HttpTokens: v.optional(text) }),
    ),
    InstanceProfileName: text,
    InstanceTypes: v.optional(texts),
    KeyPair: v.optional(text),
    Logging: v.optional(document),
    Name: text,
    Placement: v.optional(document),
    ResourceTags: v.optional(tagMap),
    SecurityGroupIds: v.optional(texts),
    SnsTopicArn: v.optional(text),
    SubnetId: v.optional(text),
    Tags: v.optional(tagMap),
    TerminateInstanceOnFailure: v.optional(boolean),
  }),
  createOnly: ['Name'],
  nameProperty: 'Name',
  attributes: ['Arn'],
  make({ Name }, context) {
    const Arn = arnOf(context, 'infrastructure-configuration', Name);
    return { physicalId: Arn, attributes: { Arn } };
  },
});

const image = inert({
  type: 'AWS::ImageBuilder::Image',
  schema: properties({
    DeletionSettings: v.optional(properties({ ExecutionRole: text })),
    DistributionConfigurationArn: v.optional(text),
    EnhancedImageMetadataEnabled: v.optional(boolean),
    ExecutionRole: v.optional(text),
    ImageRecipeArn: text,
    ImageTestsConfiguration: v.optional(document),
    InfrastructureConfigurationArn: text,
    LoggingConfiguration: v.optional(properties({ LogGroupName: v.optional(text) })),
    Tags: v.optional(tagMap),
  }),
  createOnly: [
    ...['DistributionConfigurationArn', 'EnhancedImageMetadataEnabled', 'ImageRecipeArn'],
    ...['ImageTestsConfiguration', 'InfrastructureConfigurationArn', 'Tags'],
  ],
  attributes: ['Arn', 'ImageId', 'Name'],
  make({ ImageRecipeArn }) {
    const Arn = `${ImageRecipeArn.replace(':image-recipe/', ':image/')}/1`;
    const Name = Arn.split('/')[1] ?? '';
    const hash = createHash('sha256').update(ImageRecipeArn).digest('hex');
    return { physicalId: Arn, attributes: { Arn, ImageId: `ami-0${hash.slice(0, 16)}`, Name } };
  },
});

export const imageBuilderTypes: ResourceType[] = [component, imageRecipe, infrastructureConfiguration, image];
