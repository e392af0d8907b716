import type { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import type {
  IMachineImage,
  InstanceType,
  ISecurityGroup,
  ISubnet,
  IVpc,
  SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IParameter } from 'aws-cdk-lib/aws-ssm';

/** What a fleet is made of. Every prop has a default: a fleet without props prints the jobs that it gets. */
export interface WorkerFleetProps {
  /**
   * Name of the fleet: in records, in metrics and in the name of its SSM parameter. Letters, digits, `.`, `_`, `-`.
   *
   * @default - the construct's id
   */
  readonly fleetName?: string;

  // The work

  /**
   * The worker, as a vector: no shell. Started once per job. A word that begins with `./` is a path in the worker
   * directory, any other first word is looked up on the instance's `PATH`.
   *
   * @default ['./hello'], which prints the job
   */
  readonly command?: string[];
  /**
   * Directory that travels to the instances with the agent, as the workers' working directory. A change of any file
   * in it is a new version of the fleet.
   *
   * @default - the ready-made workers
   */
  readonly workerDirectory?: string;
  /**
   * What the machine needs for the workers: a path in the worker directory, of an executable script, an Ansible playbook
   * or task file (`.yml`, `.yaml`), or the directory of an Ansible role. It runs as root with the worker directory as its
   * working directory, before the agent starts, once for each version of the fleet on a machine; where it fails the
   * boot has failed, and the instance's log says why.
   *
   * @default - none
   */
  readonly setup?: string;
  /**
   * Roles and collections of Ansible that `setup` needs: a `requirements.yml`, as a path in the worker directory, which
   * `ansible-galaxy install -r` reads before `setup` runs. Paths in it are relative to the worker directory, so what lies there
   * (`type: file`) needs no Galaxy. What comes from Galaxy comes at each boot, and a boot fails while Galaxy is down:
   * `bakedImage` fetches it once.
   *
   * @default - none: there is `ansible.builtin`
   */
  readonly setupRequirements?: string;
  /**
   * The password of Ansible Vault for what is encrypted in `setup` or in files that it reads: an SSM parameter of the type
   * SecureString, which you make (`aws ssm put-parameter --type SecureString`) and name by
   * `StringParameter.fromSecureStringParameterAttributes`, with its `encryptionKey` if that is a key of yours. Instances fetch it
   * when they boot, have it in memory until the set-up has run, and may read it. Workers may not. The template and user-data have
   * its name alone. With `bakedImage` the machine that becomes the image fetches it: what a set-up decrypts and writes to the disk
   * is in the image.
   *
   * @default - none
   */
  readonly setupVaultPassword?: IParameter;
  /**
   * Environment of the workers. Names that begin with `MAYFLY_` are the agent's own. It is readable in the
   * template and in user-data: no secrets.
   *
   * @default - none
   */
  readonly environment?: Record<string, string>;
  /**
   * Whether workers get the attributes of their message, in the variable `MAYFLY_MESSAGE_ATTRIBUTES`: a JSON object as
   * SQS's API has it, `{"colour": {"DataType": "String", "StringValue": "blue"}}`, with a `BinaryValue` in base64; `{}`
   * where there are none. Names that begin with `Mayfly` are not in it. It takes 127 KiB: a job with more is
   * dead-lettered with a sentence that says so, before its worker starts. Attributes are a producer's words, as the body
   * is.
   *
   * @default false
   */
  readonly messageAttributes?: boolean;
  /**
   * What workers may be to AWS. `role`: a role of their own, which may do what is granted to the fleet
   * (`bucket.grantRead(fleet)`) and nothing else. `none`: no credentials at all. Or a role of yours, which
   * `fleet.role` has to be trusted by: one of the same stack is made to. Workers never get the role of the instances,
   * which can end them.
   *
   * @default 'role'
   */
  readonly workerAwsAccess?: 'role' | 'none' | IRole;
  /**
   * Workers that run at once on an instance.
   *
   * @default 1
   */
  readonly concurrency?: number;
  /**
   * Memory of one worker with all that it starts. One that takes more is killed, and its job says so; the other jobs
   * of the instance go on.
   *
   * @default - as much as the instance has; when that runs out the largest worker goes
   */
  readonly workerMemory?: Size;
  /**
   * Processors that one worker with all that it starts may use: 0.5 is half of one.
   *
   * @default - all of the instance's, shared evenly between its workers
   */
  readonly workerCpu?: number;
  /**
   * Processes and threads that one worker may have at a time.
   *
   * @default 2048
   */
  readonly workerTasks?: number;
  /**
   * The most that a worker may have in its home with `/var/tmp`, as much in `/tmp`, and in any one file. Where it is given,
   * these directories are in memory, and count as the worker's memory: Linux bounds the size of directories on a disk by quotas
   * alone, which the file systems of the usual images do not have. What the group of the workers may write elsewhere, and
   * `workerCacheDirectory`, have the bound for each file and no other; it is 64 MiB at least, as long as a body may be.
   * Whole MiB, at least 16.
   *
   * @default - no limit, on the root volume; `/tmp` is in memory on Amazon Linux 2023 and Debian 13, half of the machine's at
   * most
   */
  readonly workerDisk?: Size;
  /**
   * Where workers find a directory that stays from one job to the next, for caches: a path below `/var/cache`, `/srv` or
   * `/mnt`. Each slot of an instance has its own, of the workers' own user, as pip, git and npm want it. What one job leaves
   * there the next jobs of the slot read: jobs that must not trust each other need a fleet without it.
   *
   * @default - none: nothing stays
   */
  readonly workerCacheDirectory?: string;
  /**
   * How long a worker may run, from its start. With `grace` at most 12 hours, SQS's longest visibility.
   *
   * @default Duration.hours(1)
   */
  readonly limit?: Duration;
  /**
   * The longest limit that a job may ask for, by `enqueue --async` or the `limitSeconds` of its envelope. At least `limit`;
   * with `grace` at most 12 hours. A longer one is refused.
   *
   * @default - `limit`
   */
  readonly maxLimit?: Duration;
  /**
   * Between SIGTERM and SIGKILL for a worker that ran past its limit or is stopped.
   *
   * @default Duration.seconds(10)
   */
  readonly grace?: Duration;
  /**
   * The lease on a job: how soon another instance may take a job whose instance was lost. Renewed while it runs.
   *
   * @default Duration.minutes(1)
   */
  readonly lease?: Duration;
  /**
   * Tries that cost an attempt, before a job fails.
   *
   * @default 3
   */
  readonly maxAttempts?: number;
  /**
   * Whether a job that ran past its limit is tried again.
   *
   * @default false
   */
  readonly retryTimedOut?: boolean;
  /**
   * How long a job waits before it is tried again. Each wait is anything up to a bound ("full jitter"), which grows from one
   * try to the next. By default nine jobs in ten outlast an outage of two minutes of what their worker needs.
   *
   * @default - up to 2 minutes, then up to 10, then up to 15
   */
  readonly retryBackoff?: RetryBackoffProps;
  /**
   * Program that says whether the instance is well, as a vector; its first word is found as that of `command`. It runs as a
   * worker does, without input, after a try has failed and before that is recorded. Where it exits otherwise than with 0, or
   * takes longer than a minute, the instance is to blame: the try costs no attempt, and the instance lets its jobs end and
   * goes, with what the program printed on its record. From the third such try of a job on, the job is to blame as well. It
   * runs often where jobs fail often: let it be quick.
   *
   * @default - none: every failure is the job's
   */
  readonly instanceCheck?: string[];
  /**
   * Free space on the file systems of `/var/tmp` and `/var/cache`, where workers have their directories, looked at before
   * each job, once a second at most. An instance that has less, or room for fewer than 1,000 more files, takes no more jobs,
   * lets its jobs end and goes. Give what one job may need, less than the disk has when an instance starts;
   * `Size.bytes(0)` lets jobs run whatever is left.
   *
   * @default Size.mebibytes(256)
   */
  readonly minFreeDisk?: Size;
  /**
   * Bounds the tries that cost nothing (exit status 75, interruptions): a job older than this fails.
   *
   * @default Duration.days(4)
   */
  readonly maxJobAge?: Duration;
  /**
   * Whether each job has a record in the table. Without, attempts are SQS's receive counts, and what needs records
   * (status, cancel, groups) is refused. Once it is on, jobs are refused that were queued without and have their bodies in
   * the log bucket.
   *
   * @default true
   */
  readonly trackJobs?: boolean;
  /**
   * How long the records of ended jobs and instances are kept. With `trackJobs` at least the 14 days that the queue
   * keeps a message, which would run again if it came when its job is forgotten.
   *
   * @default Duration.days(14)
   */
  readonly recordRetention?: Duration;
  /**
   * How long the logs of jobs are kept, and those of instances that broke. Whole days.
   *
   * @default Duration.days(30)
   */
  readonly logRetention?: Duration;
  /**
   * The most that is kept of what a worker prints in one try, stdout and stderr together; between 1 MiB and 1 TiB. Beyond it
   * the worker goes on and its output is dropped; the record keeps the last 4 KiB all the same, and `mayfly logs` says how
   * much is missing. It bounds what a worker that prints without end costs in the log bucket.
   *
   * @default Size.gibibytes(1)
   */
  readonly maxLog?: Size;

  // The instances

  /**
   * Instances at most.
   *
   * @default 10
   */
  readonly maxCapacity?: number;
  /**
   * Types that will do, the preferred one first; all of one architecture. With several, a fleet still starts when EC2 has
   * no capacity of one. The region has to offer each of them, else the deployment fails.
   *
   * @default - m7i-flex.large, m6i.large or m5.large, whichever the region offers at the lowest price
   */
  readonly instanceTypes?: InstanceType[];
  /**
   * Percentage of the instances bought as Spot. Their jobs move to another instance when AWS takes them back.
   *
   * @default 0
   */
  readonly spotShare?: number;
  /**
   * Any image with cloud-init, systemd from 252 on, Python from 3.9 on, curl from 7.86 on (older ones leave the session
   * token unsigned, which AWS refuses) and apt or dnf: Amazon Linux 2023, Debian 12 and 13, and Ubuntu 24.04 have all that.
   * Where its root device is not `/dev/xvda`, `rootVolume` has to name it.
   *
   * @default - the latest Amazon Linux 2023 at the time of the deployment, for the architecture of the types
   */
  readonly machineImage?: IMachineImage;
  /**
   * Whether instances boot from an image of their own, made of `machineImage`, in which everything is installed: they
   * are ready in a fraction of the time. EC2 Image Builder makes it during the deployment, which takes a quarter of an
   * hour longer whenever the image changes: with any file of the tree (the worker directory is part of it) or with the
   * machine image. What is kept is billed as a snapshot.
   *
   * @default false
   */
  readonly bakedImage?: boolean | BakedImageProps;
  /**
   * The root volume (gp3, encrypted, deleted with the instance).
   *
   * @default - 20 GiB at /dev/xvda
   */
  readonly rootVolume?: RootVolume;
  /**
   * Where the instances run. They need a way out to AWS's APIs and to the distribution's packages, none in. Subnets of the
   * app that have none are refused at synth. Where synth cannot know it, it warns, until the owner says
   * `Annotations.of(fleet).acknowledgeWarning('mayfly:publicSubnetsMayGiveNoAddress')`; `mayfly doctor`
   * looks at them as they are deployed.
   *
   * @default - a VPC of its own with public subnets, no NAT gateway and no inbound rule
   */
  readonly vpc?: IVpc;
  /**
   * Which subnets of the VPC.
   *
   * @default - the public ones of its own VPC; of a given one those that aws-cdk-lib prefers (private with egress)
   */
  readonly vpcSubnets?: SubnetSelection;
  /**
   * Security groups of the instances, in place of the fleet's own. They have to let HTTPS out. At most five.
   *
   * @default - one of its own, which lets everything out by IPv4 and nothing in
   */
  readonly securityGroups?: ISecurityGroup[];
  /**
   * Whether the fleet's own security group lets everything out by IPv6 as well: for workers in dual-stack subnets of a VPC of
   * yours. The agent calls AWS by IPv4.
   *
   * @default false
   */
  readonly allowAllIpv6Outbound?: boolean;
  /**
   * Network hops that an answer of the instance metadata may take. With 2 it reaches into containers, and with it the
   * credentials of the instances' role.
   *
   * @default 1
   */
  readonly hopLimit?: number;
  /**
   * Whether operators can open a session on the instances with AWS Systems Manager. Gives the instances' role AWS's
   * policy `AmazonSSMManagedInstanceCore`, which also lets it read the parameters of the account.
   *
   * @default false
   */
  readonly systemsManagerAccess?: boolean;

  // Growing and shrinking

  /**
   * When the fleet grows, and by how much.
   *
   * @default - at least 1 visible message for 1 minute; an instance for each `concurrency` messages
   */
  readonly scaleOut?: ScaleOutProps;
  /**
   * How long an instance waits for work before it ends itself. Not together with `billing: 'per-hour'`, where it stays to the end of the
   * paid hour.
   *
   * @default - as long as its own boot took
   */
  readonly idleTimeout?: Duration;
  /**
   * How AWS bills the instances: `per-second`, `per-hour` (SUSE, some Marketplace images), or `auto`.
   *
   * @default 'auto', which takes per second
   */
  readonly billing?: 'auto' | 'per-second' | 'per-hour';
  /**
   * An instance older than this takes no new job and ends itself.
   *
   * @default - no limit
   */
  readonly maxAge?: Duration;
  /**
   * How long running jobs may go on when the agent is stopped (`systemctl stop`, or the machine is switched off), before
   * they are stopped and handed back. An instance that retires, or that Auto Scaling ends, lets each job end within its own
   * limit. A Spot instance stops them before the interruption.
   *
   * @default Duration.seconds(90)
   */
  readonly drain?: Duration;
  /**
   * How long an instance stays whose agent was stopped by hand (`systemctl stop mayfly-agent`), for who looks into it.
   * Then it ends itself.
   *
   * @default Duration.minutes(15)
   */
  readonly stopGrace?: Duration;
  /**
   * Instances that have booted beforehand and wait beside the group, for fleets whose boot takes long. They cost their
   * volumes while they are stopped, and their whole price while they run. Not together with `spotShare`.
   *
   * @default - none: instances boot when they are needed
   */
  readonly warmPool?: WarmPoolProps;
  /**
   * How long a boot may take. An instance of which nothing has been heard by then ends itself, or the keeper ends it.
   *
   * @default Duration.minutes(15)
   */
  readonly bootBudget?: Duration;
  /**
   * Topic that is told when instances fail to boot or do no job and the fleet buys no more, and when it does again. Without
   * one the alarm shows in CloudWatch alone.
   *
   * @default - none
   */
  readonly alarmTopic?: ITopic;
  /**
   * How long a retiring instance tries the orderly ways to go before it powers itself off.
   *
   * @default Duration.minutes(10)
   */
  readonly retirementBudget?: Duration;
  /**
   * How long AWS may refuse an agent what it cannot work without (the queue's messages, the table, the workers' role)
   * before its instance retires. An outage of AWS or throttling may last three times as long. An outage of STS alone ends
   * no instance.
   *
   * @default Duration.minutes(5)
   */
  readonly refusalTimeout?: Duration;
  /**
   * How often an instance says that it lives and looks at its group.
   *
   * @default Duration.minutes(1)
   */
  readonly reportInterval?: Duration;
  /**
   * How often an instance asks its metadata for Auto Scaling's intent and Spot notices.
   *
   * @default Duration.seconds(5)
   */
  readonly noticeInterval?: Duration;
  /**
   * How often an instance that runs jobs looks whether somebody wants to cancel one of them.
   *
   * @default Duration.seconds(5)
   */
  readonly cancelInterval?: Duration;

  /**
   * Keys of yours that encrypt the stores. Whoever has a grant of the fleet may use them as far as that grant needs. A key that
   * was imported has to allow the policies of the account. A service of AWS that sends to the queue (SNS, S3, EventBridge) has to
   * be allowed in the policy of the queues' key. What was there before a key is replaced keeps the old one, and the fleet loses its
   * right to that: `oldKey.grantDecrypt(fleet.role)`.
   *
   * @default - keys of SQS, DynamoDB and S3 themselves
   */
  readonly encryptionKeys?: EncryptionKeys;
  /**
   * What becomes of the queues, the table and the log bucket when the stack is deleted. With `RemovalPolicy.DESTROY` a
   * function of aws-cdk-lib empties the bucket first (`autoDeleteObjects`).
   *
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE: they are kept. A first deployment that fails leaves none of them
   * behind.
   */
  readonly removalPolicy?: RemovalPolicy;
}

export interface EncryptionKeys {
  /**
   * Of the queue and the dead-letter queue.
   *
   * @default - SQS's own
   */
  readonly queues?: IKey;
  /**
   * Of the table.
   *
   * @default - DynamoDB's own
   */
  readonly table?: IKey;
  /**
   * Of the log bucket, as a bucket key.
   *
   * @default - S3's own
   */
  readonly logBucket?: IKey;
}

export interface ScaleOutProps {
  /**
   * Visible messages from which on the fleet grows.
   *
   * @default 1
   */
  readonly threshold?: number;
  /**
   * How long they must have been there: whole minutes, as SQS reports once a minute.
   *
   * @default Duration.minutes(1)
   */
  readonly duration?: Duration;
  /**
   * Visible messages that one more instance is worth.
   *
   * @default - `concurrency`
   */
  readonly jobsPerInstance?: number;
  /**
   * How long a new instance counts as one that has not yet taken its share: until then the same backlog does not
   * add capacity again.
   *
   * @default Duration.minutes(5)
   */
  readonly warmUp?: Duration;
}

export interface RetryBackoffProps {
  /**
   * The bound of the first wait. At most `longest`.
   *
   * @default - 2 minutes, or `longest` if that is shorter
   */
  readonly first?: Duration;
  /**
   * What the bound is multiplied by after each wait: 1 to 100.
   *
   * @default 5
   */
  readonly factor?: number;
  /**
   * The bound of all waits. At most 12 hours, SQS's longest visibility, which counts from the start of the try.
   *
   * @default - 15 minutes, or `first` if that is longer
   */
  readonly longest?: Duration;
}

export interface BakedImageProps {
  /**
   * Types of the machine that is made the image and tested, the first that is to be had; of the fleet's architecture.
   *
   * @default - the fleet's `instanceTypes`
   */
  readonly instanceTypes?: InstanceType[];
  /**
   * Where the machine is made the image: one subnet of the fleet's VPC, with a way out, in whose zone one of the types has to
   * be offered.
   *
   * @default - the first of the fleet's subnets
   */
  readonly subnet?: ISubnet;
}

export interface WarmPoolProps {
  /**
   * Instances that always wait, at least. At most `maxCapacity`.
   *
   * @default 1
   */
  readonly minSize?: number;
  /**
   * Instances that wait or work, together: so many less those that are desired wait, but at least `minSize`.
   *
   * @default - `minSize`: so many wait, however many work
   */
  readonly maxGroupPreparedCapacity?: number;
  /**
   * Whether they wait `stopped` or `running`. A stopped one has to start its system, not to be set up; a running one
   * takes jobs within seconds.
   *
   * @default 'stopped'
   */
  readonly poolState?: 'stopped' | 'running';
}

export interface RootVolume {
  /**
   * @default Size.gibibytes(20)
   */
  readonly size?: Size;
  /**
   * Name of the root device in the machine image: `/dev/xvda` for Amazon Linux and Debian, `/dev/sda1` for Ubuntu.
   *
   * @default '/dev/xvda'
   */
  readonly deviceName?: string;
}
