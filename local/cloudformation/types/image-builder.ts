/**
 * EC2 Image Builder, as far as a fleet's template needs it. An image gets an id, which is always the same for the same
 * recipe. No image is built: instances here do not depend on the image that they are launched from.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { ResourceContext, ResourceType } from '../resource-type.ts';
import { inert } from './inert.ts';
import {
  booleanProperty,
  documentProperty,
  numberProperty,
  properties,
  tagMapProperty,
  textListProperty,
  textProperty,
} from './properties.ts';

/** "ARN formats of Image Builder": the name is in lower case. */
function arnOf({ region, accountId }: ResourceContext, type: string, name: string): string {
  const path = name.toLowerCase().replaceAll(' ', '-');
  return `arn:aws:imagebuilder:${region}:${accountId}:${type}/${path}`;
}

const component = inert({
  type: 'AWS::ImageBuilder::Component',
  schema: properties({
    ChangeDescription: v.optional(textProperty),
    Data: v.optional(textProperty),
    Description: v.optional(textProperty),
    KmsKeyId: v.optional(textProperty),
    Name: textProperty,
    Platform: textProperty,
    SupportedOsVersions: v.optional(textListProperty),
    Tags: v.optional(tagMapProperty),
    Uri: v.optional(textProperty),
    Version: textProperty,
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
    AdditionalInstanceConfiguration: v.optional(documentProperty),
    AmiTags: v.optional(tagMapProperty),
    BlockDeviceMappings: v.optional(v.array(documentProperty)),
    Components: v.optional(
      v.array(properties({ ComponentArn: textProperty, Parameters: v.optional(v.array(documentProperty)) })),
    ),
    Description: v.optional(textProperty),
    Name: textProperty,
    ParentImage: textProperty,
    Tags: v.optional(tagMapProperty),
    Version: textProperty,
    WorkingDirectory: v.optional(textProperty),
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
    Description: v.optional(textProperty),
    InstanceMetadataOptions: v.optional(
      properties({
        HttpPutResponseHopLimit: v.optional(numberProperty),
        HttpTokens: v.optional(textProperty),
      }),
    ),
    InstanceProfileName: textProperty,
    InstanceTypes: v.optional(textListProperty),
    KeyPair: v.optional(textProperty),
    Logging: v.optional(documentProperty),
    Name: textProperty,
    Placement: v.optional(documentProperty),
    ResourceTags: v.optional(tagMapProperty),
    SecurityGroupIds: v.optional(textListProperty),
    SnsTopicArn: v.optional(textProperty),
    SubnetId: v.optional(textProperty),
    Tags: v.optional(tagMapProperty),
    TerminateInstanceOnFailure: v.optional(booleanProperty),
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
    DeletionSettings: v.optional(properties({ ExecutionRole: textProperty })),
    DistributionConfigurationArn: v.optional(textProperty),
    EnhancedImageMetadataEnabled: v.optional(booleanProperty),
    ExecutionRole: v.optional(textProperty),
    ImageRecipeArn: textProperty,
    ImageTestsConfiguration: v.optional(documentProperty),
    InfrastructureConfigurationArn: textProperty,
    LoggingConfiguration: v.optional(properties({ LogGroupName: v.optional(textProperty) })),
    Tags: v.optional(tagMapProperty),
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
