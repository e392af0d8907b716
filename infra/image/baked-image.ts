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
import { imageComponent, MOST_CHARACTERS } from './image-component.ts';
import { builder, remover } from './image-permissions.ts';
import type { MachineFile } from '../instance/machine-files.ts';
import type { Network } from '../group/network.ts';
import { checkBuilderWayOut } from '../group/network-checks.ts';
import type { BakedImageSettings } from '../props/instances.ts';
import type { FleetSettings } from '../props/settings.ts';
import { sizeOf } from '../instance/user-data.ts';

export interface BakedImageOptions {
  fleetName: string;
  settings: FleetSettings;
  baked: BakedImageSettings;
  network: Network;
  /** What is built on. */
  base: IMachineImage;
  /** What the set-up fetches: the tree and Node.js. */
  assets: Asset[];
  /** Where it finds them, as instances are told it. */
  treeJson: string;
  /** What the set-up itself is made of. */
  files: MachineFile[];
}

/** Each image has a name of its own, so its version never changes. */
const VERSION = '1.0.0';

/**
 * A machine image in which everything is installed that an instance needs: EC2 Image Builder starts a machine from the
 * base image, runs the set-up of the fleet's own instances on it, keeps what came of it as an AMI and boots that once
 * to test it. The deployment waits for that and fails with it, and then the fleet stays as it was.
 *
 * An image of its own follows each change of what it is made of: the tree, Node.js, the base image, the volume. The
 * one before is deleted with its snapshots when the update has come to its end. No pipeline, which would build at a
 * time that no deployment knows of, and no lifecycle policy, which cannot know that the oldest image is the one in use.
 */
export function bakedImage(scope: Construct, options: BakedImageOptions): IMachineImage {
  const inner = new Construct(scope, 'BakedImage');
  const { imageId: base } = options.base.getImage(inner);
  const document = imageComponent(options.files, options.treeJson);
  refuseTooLongADocument(inner, document);
  const names = namesOf(inner, options, document, base);
  const recipe = recipeOf(inner, options, names, document, base);
  const log = buildLog(inner, names);
  const { profile, rights } = builder(inner, {
    assets: options.assets,
    componentArn: recipe.component.attrArn,
    log,
    setupVaultPassword: options.settings.setupVaultPassword,
  });
  const surroundings = surroundingsOf(inner, options, names, profile.instanceProfileName);
  const image = new CfnImage(inner, 'Image', {
    imageRecipeArn: recipe.recipe.attrArn,
    infrastructureConfigurationArn: surroundings.attrArn,
    loggingConfiguration: { logGroupName: log.logGroupName },
    deletionSettings: { executionRole: remover(inner).roleArn },
  });
  image.node.addDependency(...rights, placeOf(options).internetConnectivityEstablished);
  for (const resource of [recipe.component, recipe.recipe, image]) keepWhenTagsChange(resource);
  return imageOf(image.attrImageId);
}

interface Names {
  /** Of what stays the same from image to image. */
  lasting: string;
  component: string;
  /** Of the recipe, whose images have its name. */
  image: string;
}

/**
 * "Requested update requires the creation of a new physical resource" and the old one has that name already: neither
 * component nor recipe can be replaced under its name and version. So the name tells what it is made of, the id of the
 * base image among it, which for "the latest" only the deployment knows. The stack's id keeps it apart from the names
 * of other stacks, also of those that were deleted. An AMI is named after its recipe and the time, in 128 characters.
 */
function namesOf(scope: Construct, options: BakedImageOptions, document: object, base: string): Names {
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
  return { lasting, component, image: `${component}-${nameOf(base)}` };
}

/** An AMI's id as it is; the name of a parameter that is resolved at launch without what no name may have. */
const nameOf = (base: string): string =>
  Token.isUnresolved(base) ? base : base.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(-30);

function recipeOf(
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
    // "ImageRecipe": a parameter is written otherwise than in a launch template.
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
 * Kept when the stack goes, empty after a month: a deployment that fails takes along what it made, and this tells why.
 * Image Builder's own role may write below this name.
 */
function buildLog(scope: Construct, names: Names): LogGroup {
  return new LogGroup(scope, 'Log', {
    logGroupName: `/aws/imagebuilder/${names.lasting}`,
    retention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}

/** Where the machine that becomes the image runs: as one of the fleet would, and gone whatever comes of it. */
function surroundingsOf(
  scope: Construct,
  options: BakedImageOptions,
  names: Names,
  instanceProfileName: string,
): CfnInfrastructureConfiguration {
  const { vpc, securityGroups } = options.network;
  const { subnet } = options.baked;
  if (subnet) checkBuilderWayOut(scope, vpc, subnet);
  const [subnetId] = placeOf(options).subnetIds;
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

/** The subnets of which the first is for the machine. */
function placeOf({ baked: { subnet }, network: { vpc, subnets } }: BakedImageOptions): SelectedSubnets {
  return vpc.selectSubnets(subnet ? { subnets: [subnet] } : subnets);
}

/** Their tags cannot be changed in place: a tag that the whole app gets would be a new image, or fail for its name. */
function keepWhenTagsChange(resource: CfnComponent | CfnImageRecipe | CfnImage): void {
  resource.addPropertyDeletionOverride('Tags');
}

function refuseTooLongADocument(scope: Construct, document: object): void {
  scope.node.addValidation({
    validate: () => {
      const stack = Stack.of(scope);
      const characters = sizeOf(stack.resolve(stack.toJsonString(document)));
      if (characters <= MOST_CHARACTERS) return [];
      return [
        `the image's component has about ${characters} characters; allowed: at most ${MOST_CHARACTERS}`,
      ];
    },
  });
}

const imageOf = (imageId: string): IMachineImage => ({
  getImage: () => ({ imageId, osType: OperatingSystemType.LINUX, userData: UserData.forLinux() }),
});
