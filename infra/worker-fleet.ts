import { CfnResource, Stack } from 'aws-cdk-lib';
import type { AutoScalingGroup } from 'aws-cdk-lib/aws-autoscaling';
import type { Alarm, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import {
  Connections,
  type IConnectable,
  type IMachineImage,
  type IVpc,
  type LaunchTemplate,
} from 'aws-cdk-lib/aws-ec2';
import type { Grant, IGrantable, IPrincipal, IRole, Role } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { createArnsParameter } from './access/fleet-arns.ts';
import {
  formatParameterArn,
  type GrantTarget,
  grantEnqueue,
  grantFollow,
  grantOperate,
  grantRequest,
} from './access/grants.ts';
import { grantKeysToRole } from './access/keys.ts';
import {
  createAgentPolicy,
  createAgentRole,
  createKeeperPolicy,
  createKeeperRole,
  createTreePolicy,
  createVaultPolicy,
  formatGroupArn,
} from './access/permissions.ts';
import { createWorkerRole } from './access/worker-role.ts';
import { createBreakerAlarm, createStoppedGroupsAlarm } from './alarms.ts';
import { createFactsParameter } from './facts.ts';
import { createGroup, createLaunchTemplate, getDefaultImage } from './group/group.ts';
import { addHooks } from './group/hooks.ts';
import { checkMachineImage } from './group/machine-image.ts';
import { createNetwork, type Network } from './group/network.ts';
import { createBacklogAlarm, createScaleOutPolicy } from './group/scaling.ts';
import { addWarmPool } from './group/warm-pool.ts';
import { createBakedImage } from './image/baked-image.ts';
import { type FromNameOptions, ImportedFleet, type IWorkerFleet } from './imported-fleet.ts';
import { makeAgentConfig } from './instance/agent-config.ts';
import { createFleetAssets, type FleetAssets } from './instance/fleet-assets.ts';
import { readMachineFiles } from './instance/machine-files.ts';
import { makeUserData, validateUserDataSize } from './instance/user-data.ts';
import { createKeeper } from './keeper.ts';
import { createLogBucket } from './log-bucket.ts';
import { groupMetric, keeperMetric } from './metrics.ts';
import { addOutputs } from './outputs.ts';
import { FleetPropsError, formatValue } from './props/errors.ts';
import type { WorkerFleetProps } from './props/props.ts';
import { toWorkerSecrets } from './props/secrets.ts';
import { type FleetSettings, resolveSettings } from './props/settings.ts';
import { validateTags } from './props/tags.ts';
import { createQueues } from './queue.ts';
import { createTable } from './table.ts';

/**
 * EC2 instances that run the jobs of a queue. The fleet has no instances while there are no jobs, and up to `maxCapacity`
 * while there are. Each instance terminates itself when it has no work left.
 *
 * Throws a `FleetPropsError` that names the key, the value and what is allowed. Tags and user-data are checked at synth,
 * after all aspects.
 */
export class WorkerFleet extends Construct implements IWorkerFleet, IConnectable, IGrantable {
  /**
   * A fleet that another app has deployed to the same account and region, for its queues and grants. Each deployment of this
   * stack reads the ARNs of the fleet's resources from an SSM parameter of the fleet, so the fleet must be deployed first.
   *
   * Throws a `FleetPropsError`.
   *
   * @param fleetName `<stack>/<fleet>`: the fleet's `fleetName`, which `mayfly fleet` shows
   */
  static fromName(
    scope: Construct,
    id: string,
    fleetName: string,
    options: FromNameOptions = {},
  ): IWorkerFleet {
    return new ImportedFleet(scope, id, fleetName, options);
  }

  /** `<stack>/<fleet>`: the fleet's name in records and metrics. */
  readonly fleetName: string;
  /** The queue to which producers send jobs. */
  readonly queue: Queue;
  /** The queue of the failed jobs. An attribute of each message has the reason. */
  readonly deadLetterQueue: Queue;
  /** Records of jobs and instances. */
  readonly table: Table;
  readonly logBucket: Bucket;
  readonly vpc: IVpc;
  readonly launchTemplate: LaunchTemplate;
  readonly autoScalingGroup: AutoScalingGroup;
  /** The role of the instances, with which agents receive jobs and terminate instances. Workers do not have it. */
  readonly role: Role;
  /** The role of the workers, which receives the grants to the fleet; undefined with `workerAwsAccess: 'none'`. */
  readonly workerRole: IRole | undefined;
  /** The keeper: a Lambda function that runs once a minute. */
  readonly keeper: LambdaFunction;
  /** ARN of the step scaling policy. The alarm and the keeper execute it when jobs wait; you may too. */
  readonly scalingPolicyArn: string;
  /** In the ALARM state while jobs wait. */
  readonly backlogAlarm: Alarm;
  /** In the ALARM state while the boot breaker is open, which needs a person. */
  readonly bootBreakerAlarm: Alarm;
  /**
   * In the ALARM state while a group is stopped or a request waits for a person; undefined without `alarmTopic`, and without
   * `trackJobs`, which groups need.
   */
  readonly stoppedGroupsAlarm: Alarm | undefined;
  /** SSM parameter with the fleet facts, which the commands read (`store/fleet-facts.ts`). */
  readonly parameter: StringParameter;
  readonly connections: Connections;
  readonly #target: GrantTarget;

  constructor(scope: Construct, id: string, props: WorkerFleetProps = {}) {
    super(scope, id);
    const settings = resolveSettings(this.where, id, props);
    this.fleetName = `${Stack.of(this).stackName}/${settings.name}`;
    this.checkFleetName(settings.name);
    const base = checkMachineImage(this, this.where, settings.machineImage ?? getDefaultImage(settings));

    const queues = createQueues(this, settings);
    this.queue = queues.queue;
    this.deadLetterQueue = queues.deadLetterQueue;
    this.table = createTable(this, settings);
    this.logBucket = createLogBucket(this, settings);

    const instanceNetwork = createNetwork(this, settings);
    this.vpc = instanceNetwork.vpc;
    this.connections = new Connections({ securityGroups: [...instanceNetwork.securityGroups] });

    this.role = createAgentRole(this, settings.systemsManagerAccess);
    this.workerRole = createWorkerRole(this, settings.workerAwsAccess, this.role);
    for (const [, secret] of toWorkerSecrets(props.secrets)) secret.grantRead(this);
    const instances = this.createInstances(settings, instanceNetwork, base);
    this.launchTemplate = instances.template;
    this.autoScalingGroup = instances.group;

    const policy = createScaleOutPolicy(this, this.autoScalingGroup, settings);
    this.scalingPolicyArn = policy.ref;
    this.backlogAlarm = createBacklogAlarm(this, this.queue, policy, settings);
    this.keeper = this.createKeeper(settings);
    this.bootBreakerAlarm = createBreakerAlarm(this, this.fleetName, settings.alarmTopic);
    this.stoppedGroupsAlarm =
      settings.alarmTopic && settings.trackJobs
        ? createStoppedGroupsAlarm(this, this.fleetName, settings.alarmTopic)
        : undefined;
    this.parameter = createFactsParameter(this, settings);
    this.#target = this.makeGrantTarget(settings);
    createArnsParameter(this, this.fleetName, this.#target.arns);
    addOutputs(this);
  }

  /**
   * The principal of a grant to the fleet: the role of its workers.
   *
   * Throws a `FleetPropsError` for workers without credentials.
   */
  get grantPrincipal(): IPrincipal {
    if (this.workerRole) return this.workerRole;
    const allowed = '"role" or an IRole, where something is granted to the fleet';
    throw new FleetPropsError(this.where, 'workerAwsAccess', '"none"', allowed);
  }

  /**
   * Lets a producer enqueue jobs with any SQS client, or with the command or the library, which write a record of each job
   * and put long bodies into the log bucket. The producer may also enqueue into groups, and so writes what keeps their jobs
   * apart. It may read the record of a job by its id, which has the job's short output, and what is known of a group, a
   * target or a request by its name. It may read neither the other items of the table nor the logs in the bucket.
   */
  grantEnqueue(grantee: IGrantable): Grant {
    return grantEnqueue(this.#target, grantee);
  }

  /**
   * Lets a principal make requests, each of which becomes one job per target, and pause, resume and cancel them. It includes
   * `grantEnqueue`.
   */
  grantRequest(grantee: IGrantable): Grant {
    return grantRequest(this.#target, grantee);
  }

  /** Lets a principal read jobs (status, wait, list, logs) and the state of the fleet. It permits no change. */
  grantFollow(grantee: IGrantable): Grant {
    return grantFollow(this.#target, grantee);
  }

  /**
   * Lets an operator use every verb of the command: enqueue, make requests, follow, cancel, retry and clean up jobs, list and
   * redrive dead letters, set, pause, resume and free groups, list the instances, pause and resume the fleet.
   */
  grantOperate(grantee: IGrantable): Grant {
    return grantOperate(this.#target, grantee);
  }

  /** Waiting jobs: visible messages of the queue. */
  metricBacklog(options?: MetricOptions): Metric {
    return this.queue.metricApproximateNumberOfMessagesVisible(options);
  }

  /** Jobs that agents have received: messages in flight. */
  metricInFlight(options?: MetricOptions): Metric {
    return this.queue.metricApproximateNumberOfMessagesNotVisible(options);
  }

  /** Age of the oldest job that has not ended, in seconds. */
  metricOldestJob(options?: MetricOptions): Metric {
    return this.queue.metricApproximateAgeOfOldestMessage(options);
  }

  /** Failed jobs: messages of the dead-letter queue. */
  metricFailedJobs(options?: MetricOptions): Metric {
    return this.deadLetterQueue.metricApproximateNumberOfMessagesVisible(options);
  }

  /** Instances in service. */
  metricInstances(options?: MetricOptions): Metric {
    return groupMetric(this.autoScalingGroup.autoScalingGroupName, 'GroupInServiceInstances', options);
  }

  /** 1 while the boot breaker is open. */
  metricBootBreaker(options?: MetricOptions): Metric {
    return keeperMetric(this.fleetName, 'BootBreaker', options);
  }

  /**
   * Jobs of groups that are held: they may not run yet. The keeper writes it while a job is held or a group is stopped, and 0
   * once after that, so an alarm has to ignore missing data.
   */
  metricHeldJobs(options?: MetricOptions): Metric {
    return keeperMetric(this.fleetName, 'HeldJobs', options);
  }

  /** How long the oldest held job has been held, in seconds. Written as `metricHeldJobs` is. */
  metricOldestHeldJob(options?: MetricOptions): Metric {
    return keeperMetric(this.fleetName, 'OldestHeldJob', options);
  }

  /** Groups that are stopped, and requests that wait for a person. Written as `metricHeldJobs` is. */
  metricStoppedGroups(options?: MetricOptions): Metric {
    return keeperMetric(this.fleetName, 'StoppedGroups', options);
  }

  /** Names the fleet in errors. */
  private get where(): string {
    return `WorkerFleet ${this.node.path}`;
  }

  /** Two fleets of one name would have one SSM parameter, and the deployment would fail at the second. */
  private checkFleetName(name: string): void {
    const others = Stack.of(this).node.findAll();
    const other = others.find(
      (one) => one instanceof WorkerFleet && one !== this && one.fleetName === this.fleetName,
    );
    if (!other) return;
    const allowed = `a name that no other fleet of the stack has (WorkerFleet ${other.node.path} has this one)`;
    throw new FleetPropsError(this.where, 'fleetName', formatValue(name), allowed);
  }

  /** The launch template and the group. Deleting the stack deletes the agents' permissions only after the instances. */
  private createInstances(settings: FleetSettings, network: Network, base: IMachineImage) {
    const stack = Stack.of(this);
    const assets = createFleetAssets(this, settings);
    const content = this.makeUserData(settings, assets);
    validateUserDataSize(this, stack, content);
    const options = {
      fleetName: this.fleetName,
      settings,
      network,
      role: this.role,
      userData: content,
      machineImage: this.createMachineImage(settings, network, assets, base),
    };
    const template = createLaunchTemplate(this, options);
    const asg = createGroup(this, template, options);
    addWarmPool(asg, addHooks(asg, settings), settings);
    const policy = createAgentPolicy(this, this.role, {
      queue: this.queue,
      deadLetterQueue: this.deadLetterQueue,
      table: this.table,
      logBucket: this.logBucket,
      groupArn: formatGroupArn(this, `${stack.stackName}-${getLogicalId(asg)}-*`),
      workerRole: this.workerRole,
    });
    grantKeysToRole(this.where, settings.encryptionKeys, this.role, {
      queues: ['read', 'write'],
      table: ['read', 'write'],
      logBucket: ['read', 'write'],
    });
    const { setupVaultPassword: vault } = settings;
    if (vault) asg.node.addDependency(createVaultPolicy(this, 'AgentVaultPolicy', this.role, vault));
    asg.node.addDependency(policy, createTreePolicy(this, this.role, assets));
    asg.node.addDependency(this.role, this.queue, this.deadLetterQueue, this.table, this.logBucket);
    if (this.workerRole) asg.node.addDependency(this.workerRole);
    validateTags(this, [getResource(asg), getResource(template)]);
    return { template, group: asg };
  }

  private createMachineImage(
    settings: FleetSettings,
    network: Network,
    { tree, node, treeJson }: FleetAssets,
    base: IMachineImage,
  ): IMachineImage {
    const { fleetName } = this;
    const { bakedImage: baked } = settings;
    if (!baked) return base;
    return createBakedImage(this, {
      fleetName,
      settings,
      baked,
      network,
      base,
      assets: [tree, node],
      treeJson,
      files: readMachineFiles(),
    });
  }

  private makeUserData(settings: FleetSettings, { treeJson }: FleetAssets): string {
    const stack = Stack.of(this);
    return makeUserData(settings, {
      agentJson: makeAgentConfig(stack, settings, {
        fleet: this.fleetName,
        region: stack.region,
        queueUrl: this.queue.queueUrl,
        deadLetterQueueUrl: this.deadLetterQueue.queueUrl,
        table: this.table.tableName,
        logBucket: this.logBucket.bucketName,
        workerRole: this.workerRole?.roleArn,
      }),
      treeJson,
    });
  }

  private createKeeper(settings: FleetSettings): LambdaFunction {
    const role = createKeeperRole(this);
    const groupName = this.autoScalingGroup.autoScalingGroupName;
    const policy = createKeeperPolicy(this, role, {
      queue: this.queue,
      table: this.table,
      logBucket: this.logBucket,
      groupArn: formatGroupArn(this, groupName),
      warmPool: settings.warmPool !== undefined,
    });
    grantKeysToRole(this.where, settings.encryptionKeys, role, {
      queues: ['write'],
      table: ['read', 'write'],
    });
    const lambda = createKeeper(this, role, settings, {
      fleet: this.fleetName,
      groupName,
      policyArn: this.scalingPolicyArn,
      queueUrl: this.queue.queueUrl,
      table: this.table.tableName,
      logBucket: this.logBucket.bucketName,
    });
    lambda.node.addDependency(policy);
    return lambda;
  }

  private makeGrantTarget({ encryptionKeys }: FleetSettings): GrantTarget {
    const stack = Stack.of(this);
    return {
      queue: this.queue,
      arns: {
        queue: this.queue.queueArn,
        deadLetterQueue: this.deadLetterQueue.queueArn,
        table: this.table.tableArn,
        logBucket: this.logBucket.bucketArn,
        group: formatGroupArn(this, this.autoScalingGroup.autoScalingGroupName),
        backlogAlarm: this.backlogAlarm.alarmArn,
        bootBreakerAlarm: this.bootBreakerAlarm.alarmArn,
      },
      encryptionKeys,
      parameterArn: this.parameter.parameterArn,
      stackParametersArn: formatParameterArn(stack, stack.stackName),
    };
  }
}

function getResource(construct: Construct): CfnResource {
  const child = construct.node.defaultChild;
  if (!CfnResource.isCfnResource(child)) throw new Error(`${construct.node.path} has no resource of its own`);
  return child;
}

/** The logical id, which is part of the name that CloudFormation generates. It makes no reference to the resource. */
const getLogicalId = (construct: Construct): string => getResource(construct).logicalId;
