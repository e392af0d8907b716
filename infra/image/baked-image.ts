import { createHash } from 'node:crypto';
import { Fn, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { type IMachineImage, OperatingSystemType, type SelectedSubnets, UserData } from 'aws-cdk-lib/aws-ec2';
import {
  CfnComponent,
  CfnImage,
  CfnImageRecipe,
  CfnInfrastructureConfiguration,
} from 'aws-cdk-lib/aws-imagebuilder';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import { IMAGE_BUILDER_MAX_DOCUMENT_LENGTH } from '../../lib/limits.ts';
import type { Network } from '../group/network.ts';
import { checkBuilderOutboundAccess } from '../group/network-checks.ts';
import type { MachineFile } from '../instance/machine-files.ts';
import { measureBytes } from '../instance/user-data.ts';
import type { BakedImageSettings } from '../props/instances.ts';
import type { FleetSettings } from '../props/settings.ts';
import { makeComponentDocument } from './image-component.ts';
import { createBuilderProfile, createRemoverRole } from './image-permissions.ts';

export interface BakedImageOptions {
  fleetName: string;
  settings: FleetSettings;
  baked: BakedImageSettings;
  network: Network;
  /** The image that it is built from. */
  base: IMachineImage;
  /** The tree and Node.js, which the build downloads. */
  assets: Asset[];
  /** The content of tree.json, with the location of the assets. */
  treeJson: string;
  /** The boot script and the files that it needs. */
  files: MachineFile[];
}

/** Constant, as each image has a name of its own. */
const VERSION = '1.0.0';

/**
 * A machine image in which everything is installed that an instance needs. EC2 Image Builder launches an instance from the
 * base image, runs the boot script on it, creates an AMI and boots it once as a test. The deployment waits for the image; if
 * the image fails, the deployment fails and the fleet does not change.
 *
 * A change of the tree, Node.js, the base image or the volume makes a new image. The old image is deleted with its snapshots at
 * the end of the update. There is no pipeline, which would build images outside of deployments, and no lifecycle policy, which
 * cannot know that the oldest image is in use.
 */
export function createBakedImage(scope: Construct, options: BakedImageOptions): IMachineImage {
  const inner = new Construct(scope, 'BakedImage');
  const { imageId: base } = options.base.getImage(inner);
  const document = makeComponentDocument(options.files, options.treeJson);
  refuseTooLongADocument(inner, document);
  const names = makeNames(inner, options, document, base);
  const recipe = createRecipe(inner, options, names, document, base);
  const log = createLog(inner, names);
  const { profile, rights } = createBuilderProfile(inner, {
    assets: options.assets,
    componentArn: recipe.component.attrArn,
    log,
    setupVaultPassword: options.settings.setupVaultPassword,
  });
  const infrastructure = createInfrastructure(inner, options, names, profile.instanceProfileName);
  const image = new CfnImage(inner, 'Image', {
    imageRecipeArn: recipe.recipe.attrArn,
    infrastructureConfigurationArn: infrastructure.attrArn,
    loggingConfiguration: { logGroupName: log.logGroupName },
    deletionSettings: { executionRole: createRemoverRole(inner).roleArn },
  });
  image.node.addDependency(...rights, selectSubnets(options).internetConnectivityEstablished);
  for (const resource of [recipe.component, recipe.recipe, image]) keepWhenTagsChange(resource);
  return toMachineImage(image.attrImageId);
}

interface Names {
  /** Name of the resources that stay the same from image to image. */
  lasting: string;
  component: string;
  /** Name of the recipe, which its images have too. */
  image: string;
}

/**
 * CloudFormation cannot replace a component or recipe by one of the same name and version. So the name has a hash of the
 * content and the id of the base image, which only the deployment knows for "the latest". It has the stack's id too, so that it
 * differs from the names of other stacks, also of deleted ones. An AMI is named after its recipe and the time, in at most 128
 * characters.
 */
function makeNames(scope: Construct, options: BakedImageOptions, document: object, base: string): Names {
  const { fleetName, settings, assets } = options;
  const stack = Stack.of(scope);
  const fleet = settings.name.toLowerCase().replaceAll('.', '-').slice(0, 24);
  const uuid = Fn.select(2, Fn.split('/', stack.stackId));
  const own = scope.node.addr.slice(-6);
  const lasting = `mayfly-${fleet}-${own}-${Fn.select(4, Fn.split('-', uuid))}`;
  const content = {
    document: stack.resolve(document),
    assets: assets.map(({ assetHash }) => assetHash),
    volume: [settings.rootVolume.deviceName, settings.rootVolume.size.toGibibytes()],
    fleetName: stack.resolve(fleetName),
  };
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);
  const component = `${lasting}-${hash}`;
  return { lasting, component, image: `${component}-${formatImageName(base)}` };
}

/** The id of an AMI, or the name of a parameter that is resolved at launch, without characters that no name may have. */
const formatImageName = (base: string): string =>
  Token.isUnresolved(base) ? base : base.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(-30);

function createRecipe(
  scope: Construct,
  options: BakedImageOptions,
  names: Names,
  document: object,
  base: string,
): { component: CfnComponent; recipe: CfnImageRecipe } {
  const { deviceName, size } = options.settings.rootVolume;
  const component = new CfnComponent(scope, 'Component', {
    name: names.component,
    version: VERSION,
    platform: 'Linux',
    description: `Sets up a worker of ${options.fleetName}`,
    data: Stack.of(scope).toJsonString(document),
  });
  const recipe = new CfnImageRecipe(scope, 'Recipe', {
    name: names.image,
    version: VERSION,
    // A recipe names an SSM parameter in another format than a launch template ("ImageRecipe").
    parentImage: base.replace(/^resolve:ssm:/, 'ssm:'),
    components: [{ componentArn: component.attrArn }],
    blockDeviceMappings: [
      {
        deviceName,
        ebs: {
          volumeType: 'gp3',
          volumeSize: size.toGibibytes(),
          encrypted: true,
          deleteOnTermination: true,
        },
      },
    ],
    amiTags: { 'mayfly:fleet': options.fleetName },
  });
  return { component, recipe };
}

/**
 * The log of the build. It is retained when the stack is deleted: a failed deployment deletes its other resources, and the log
 * has the reason. Its entries expire after a month. Image Builder's own role may write to log groups with this prefix.
 */
function createLog(scope: Construct, names: Names): LogGroup {
  return new LogGroup(scope, 'Log', {
    logGroupName: `/aws/imagebuilder/${names.lasting}`,
    retention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}

/** The instance that the image is built on: as an instance of the fleet, and terminated even if the build fails. */
function createInfrastructure(
  scope: Construct,
  options: BakedImageOptions,
  names: Names,
  instanceProfileName: string,
): CfnInfrastructureConfiguration {
  const { vpc, securityGroups } = options.network;
  const { subnet } = options.baked;
  if (subnet) checkBuilderOutboundAccess(scope, vpc, subnet);
  const [subnetId] = selectSubnets(options).subnetIds;
  return new CfnInfrastructureConfiguration(scope, 'Surroundings', {
    name: names.lasting,
    instanceProfileName,
    instanceTypes: options.baked.instanceTypes.map(String),
    // An account need not have a default VPC.
    ...(subnetId === undefined ? {} : { subnetId }),
    securityGroupIds: securityGroups.map(({ securityGroupId }) => securityGroupId),
    instanceMetadataOptions: { httpTokens: 'required', httpPutResponseHopLimit: 1 },
    resourceTags: { 'mayfly:fleet': options.fleetName },
    terminateInstanceOnFailure: true,
  });
}

/** The subnets from which the build takes the first. */
function selectSubnets({ baked: { subnet }, network: { vpc, subnets } }: BakedImageOptions): SelectedSubnets {
  return vpc.selectSubnets(subnet ? { subnets: [subnet] } : subnets);
}

/** A change of their tags replaces them. A tag of the whole app would build a new image, or fail because of the name. */
function keepWhenTagsChange(resource: CfnComponent | CfnImageRecipe | CfnImage): void {
  resource.addPropertyDeletionOverride('Tags');
}

function refuseTooLongADocument(scope: Construct, document: object): void {
  scope.node.addValidation({
    validate: () => {
      const stack = Stack.of(scope);
      const characters = measureBytes(stack.resolve(stack.toJsonString(document)));
      if (characters <= IMAGE_BUILDER_MAX_DOCUMENT_LENGTH) return [];
      return [
        `the image's component has about ${characters} characters; allowed: at most ${IMAGE_BUILDER_MAX_DOCUMENT_LENGTH}`,
      ];
    },
  });
}

const toMachineImage = (imageId: string): IMachineImage => ({
  getImage: () => ({ imageId, osType: OperatingSystemType.LINUX, userData: UserData.forLinux() }),
});
