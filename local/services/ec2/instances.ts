import {
  boolean,
  integer,
  optionalStructure,
  optionalText,
  structures,
  text,
  texts,
} from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../front-door/service.ts';
import type { Launcher } from '../../instances/launcher.ts';
import { type Ec2Instance, reservationId, STATE_CODES } from './ec2-instance.ts';
import type { Ec2Instances, Placement } from './ec2-instances.ts';
import { checkLaunchParameters, overrideParameters, readLaunchParameters } from './launch-parameters.ts';
import type { LaunchTemplates } from './launch-templates.ts';

export interface Ec2OperationsParts {
  context: CloudContext;
  instances: Ec2Instances;
  templates: LaunchTemplates;
  launcher: Pick<Launcher, 'problemWith'>;
  /** @throws `InvalidSubnetID.NotFound` */
  zoneOfSubnet(subnetId: string): string;
  defaultZone(): string;
}

/** The operations on EC2 instances. */
export function ec2InstanceOperations(ec2: Ec2OperationsParts): Record<string, Operation> {
  const { instances } = ec2;
  const resources = (input: Input) => texts(input, 'InstanceIds').map((id) => arnOf(ec2.context, id));
  return {
    RunInstances: { run: (input) => runInstances(ec2, input) },
    DescribeInstances: { run: (input) => describeInstances(ec2, input) },
    DescribeInstanceStatus: { run: (input) => describeStatus(ec2, input) },
    TerminateInstances: { resources, run: (input) => terminateInstances(ec2, input) },
    DescribeInstanceAttribute: { run: (input) => describeAttribute(instances, input) },
    ModifyInstanceAttribute: {
      resources: (input) => [arnOf(ec2.context, optionalText(input, 'InstanceId') ?? '*')],
      run: (input) => modifyAttribute(instances, input),
    },
  };
}

async function runInstances(ec2: Ec2OperationsParts, input: Input) {
  const { MinCount, MaxCount, LaunchTemplate, ClientToken: _, ...own } = input;
  checkLaunchParameters(own, ec2.launcher, ['SubnetId']);
  const count = integer({ MaxCount }, 'MaxCount', { min: 1, max: 100 });
  integer({ MinCount }, 'MinCount', { min: 1, max: count });
  const reference = optionalStructure({ LaunchTemplate }, 'LaunchTemplate');
  const template = reference ? ec2.templates.resolve(reference) : undefined;
  const parameters = readLaunchParameters(overrideParameters(template?.data ?? {}, own));
  if (template) {
    parameters.tags.set('aws:ec2launchtemplate:id', template.id);
    parameters.tags.set('aws:ec2launchtemplate:version', String(template.version));
  }
  const placement = await placeLaunch(ec2, parameters);
  const launched = Array.from({ length: count }, () => ec2.instances.launch(parameters, placement));
  return { ...reservation(ec2.context, launched), OwnerId: ec2.context.accountId };
}

async function placeLaunch(
  ec2: Ec2OperationsParts,
  parameters: ReturnType<typeof readLaunchParameters>,
): Promise<Placement> {
  const { subnetId, instanceProfile } = parameters;
  const availabilityZone = subnetId
    ? ec2.zoneOfSubnet(subnetId)
    : (parameters.availabilityZone ?? ec2.defaultZone());
  const profile = instanceProfile ? await readProfile(ec2, instanceProfile) : undefined;
  return {
    availabilityZone,
    roleArn: profile?.roleArn,
    instanceProfileArn: profile?.arn,
  };
}

async function readProfile(ec2: Ec2OperationsParts, nameOrArn: string) {
  const name = nameOrArn.split('/').at(-1) ?? nameOrArn;
  try {
    const answer = await ec2.context.call('iam', 'GetInstanceProfile', { InstanceProfileName: name });
    const profile = optionalStructure(answer, 'InstanceProfile') ?? {};
    const [role] = structures(profile, 'Roles');
    return { arn: text(profile, 'Arn'), roleArn: role && text(role, 'Arn') };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${nameOrArn}) for parameter iamInstanceProfile is invalid. Invalid IAM Instance Profile: ${error.message}`,
    );
  }
}

function describeInstances(ec2: Ec2OperationsParts, input: Input) {
  return { Reservations: select(ec2, input).map((instance) => reservation(ec2.context, [instance])) };
}

/** Selects by id and filters. A filter that is not implemented is refused by name, never ignored. */
function select(ec2: Ec2OperationsParts, input: Input): Ec2Instance[] {
  const ids = texts(input, 'InstanceIds');
  const wanted = ids.length > 0 ? ids.map((id) => ec2.instances.get(id)) : ec2.instances.all();
  const filters = structures(input, 'Filters').map((one) => ({
    name: text(one, 'Name'),
    values: texts(one, 'Values'),
  }));
  return wanted.filter((instance) =>
    filters.every(({ name, values }) => matches(instance, name, values.map(globPattern))),
  );
}

function matches(instance: Ec2Instance, filter: string, patterns: RegExp[]): boolean {
  const value = filterValue(instance, filter);
  return value !== undefined && patterns.some((pattern) => value.some((one) => pattern.test(one)));
}

function filterValue(instance: Ec2Instance, filter: string): string[] | undefined {
  if (filter.startsWith('tag:')) {
    const tag = instance.tags.get(filter.slice(4));
    return tag === undefined ? undefined : [tag];
  }
  switch (filter) {
    case 'availability-zone':
      return [instance.availabilityZone];
    case 'image-id':
      return [instance.launch.imageId];
    case 'instance-id':
      return [instance.id];
    case 'instance-state-code':
      return [String(STATE_CODES[instance.state])];
    case 'instance-state-name':
      return [instance.state];
    case 'instance-type':
      return [instance.launch.instanceType];
    case 'subnet-id':
      return instance.launch.subnetId ? [instance.launch.subnetId] : undefined;
    case 'tag-key':
      return [...instance.tags.keys()];
    default:
      throw new AwsError(
        'InvalidParameterValue',
        `The filter '${filter}' is invalid or not implemented here`,
      );
  }
}

/** EC2's filters support `*` and `?`. */
function globPattern(value: string): RegExp {
  const escaped = value.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}

function terminateInstances(ec2: Ec2OperationsParts, input: Input) {
  const found = texts(input, 'InstanceIds').map((id) => ec2.instances.get(id));
  const kept = found.find((instance) => instance.terminationProtection);
  if (kept) {
    throw new AwsError(
      'OperationNotPermitted',
      `The instance '${kept.id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
    );
  }
  return {
    TerminatingInstances: found.map((instance) => {
      const PreviousState = stateOf(instance);
      ec2.instances.terminate(instance);
      return { InstanceId: instance.id, PreviousState, CurrentState: stateOf(instance) };
    }),
  };
}

function describeStatus(ec2: Ec2OperationsParts, input: Input) {
  const all = optionalText(input, 'IncludeAllInstances') === 'true';
  const shown = select(ec2, input).filter((instance) => all || instance.state === 'running');
  const status = (instance: Ec2Instance) => ({
    Status: instance.state === 'running' ? 'ok' : 'not-applicable',
    Details: [],
  });
  return {
    InstanceStatuses: shown.map((instance) => ({
      InstanceId: instance.id,
      AvailabilityZone: instance.availabilityZone,
      InstanceState: stateOf(instance),
      InstanceStatus: status(instance),
      SystemStatus: status(instance),
    })),
  };
}

function describeAttribute(instances: Ec2Instances, input: Input) {
  const instance = instances.get(text(input, 'InstanceId'));
  const attribute = text(input, 'Attribute');
  const { launch } = instance;
  const values: Record<string, Input> = {
    disableApiTermination: { DisableApiTermination: { Value: instance.terminationProtection } },
    instanceInitiatedShutdownBehavior: {
      InstanceInitiatedShutdownBehavior: { Value: launch.shutdownBehavior },
    },
    instanceType: { InstanceType: { Value: launch.instanceType } },
    userData: {
      UserData:
        launch.userData === undefined ? {} : { Value: Buffer.from(launch.userData).toString('base64') },
    },
  };
  const found = values[attribute];
  if (!found) throw new AwsError('InvalidParameterValue', `Attribute '${attribute}' is not implemented here`);
  return { InstanceId: instance.id, ...found };
}

function modifyAttribute(instances: Ec2Instances, input: Input) {
  const instance = instances.get(text(input, 'InstanceId'));
  const protection = optionalStructure(input, 'DisableApiTermination');
  if (!protection) {
    throw new AwsError('UnsupportedOperation', 'Only DisableApiTermination can be modified here.');
  }
  instance.terminationProtection = boolean(protection, 'Value');
  return {};
}

function arnOf({ region, accountId }: CloudContext, id: string): string {
  return `arn:aws:ec2:${region}:${accountId}:instance/${id}`;
}

function stateOf(instance: Ec2Instance) {
  return { Code: STATE_CODES[instance.state], Name: instance.state };
}

function reservation(context: CloudContext, instances: Ec2Instance[]) {
  return {
    ReservationId: instances[0] && reservationId(instances[0]),
    OwnerId: context.accountId,
    Groups: [],
    Instances: instances.map((instance) => describeEc2Instance(context, instance)),
  };
}

function describeEc2Instance({ region }: CloudContext, instance: Ec2Instance) {
  const { launch, stateReason } = instance;
  return {
    InstanceId: instance.id,
    ImageId: launch.imageId,
    State: stateOf(instance),
    StateReason: stateReason && { Code: stateReason.code, Message: stateReason.message },
    StateTransitionReason: stateReason?.message ?? '',
    PrivateDnsName: `ip-${instance.privateIp.replaceAll('.', '-')}.${region}.compute.internal`,
    PrivateIpAddress: instance.privateIp,
    AmiLaunchIndex: 0,
    InstanceType: launch.instanceType,
    InstanceLifecycle: launch.lifecycle === 'spot' ? 'spot' : undefined,
    LaunchTime: instance.launchedAt,
    Placement: { AvailabilityZone: instance.availabilityZone, Tenancy: 'default' },
    Monitoring: { State: 'disabled' },
    SubnetId: launch.subnetId,
    IamInstanceProfile: instance.instanceProfileArn && { Arn: instance.instanceProfileArn },
    MetadataOptions: {
      State: 'applied',
      HttpTokens: launch.metadata.httpTokens,
      HttpEndpoint: launch.metadata.httpEndpoint,
      InstanceMetadataTags: launch.metadata.instanceMetadataTags,
    },
    Tags: [...instance.tags].map(([Key, Value]) => ({ Key, Value })),
  };
}
