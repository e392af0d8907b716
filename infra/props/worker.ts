import type { Size } from 'aws-cdk-lib';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IParameter } from 'aws-cdk-lib/aws-ssm';
import { COMMAND_NAME, MOST_COMMANDS } from '../../policy/groups/limits.ts';
import {
  type Check,
  commandCheck,
  flag,
  having,
  isObject,
  number,
  oneOf,
  sizeIn,
  text,
  whole,
} from './checks.ts';
import { toMebibytes } from './conversions.ts';
import type { PropRows } from './rows.ts';
import { secretsCheck, toSecretConfigs, toSecretServices, type WorkerSecret } from './secrets.ts';

/** What runs for a job, and what it may use. */
export interface FleetWorkerProps {
  /**
   * The worker: a program and its arguments, run without a shell. It is started once per job. A program that begins
   * with `./` is a path in the worker directory. Any other is looked up on the instance's `PATH`. The default prints
   * the job.
   *
   * @default ['./hello']
   */
  readonly command?: string[];
  /**
   * Commands that follow the jobs of a group, by their names: health checks and roll-backs. A request chooses them by
   * name; a message never contains a command line. Each is a program and its arguments, found and run as `command` is.
   * Up to 20; a name is a letter, then letters, digits, `_` and `-`, up to 64 characters.
   *
   * @default - none
   */
  readonly commands?: Record<string, string[]>;
  /**
   * Local directory that is deployed to the instances with the agent. It is the workers' working directory. A change
   * of any file in it makes a new version of the fleet.
   *
   * @default - the ready-made workers of Mayfly
   */
  readonly workerDirectory?: string;
  /**
   * Script, Ansible playbook, task file or role that prepares the instance for the workers. A path in the worker
   * directory: of an executable script, of a playbook or task file (`.yml`, `.yaml`), or of the directory of a role.
   * It runs as root, in the worker directory, before the agent starts, once per instance and version of the fleet.
   * If it fails, the boot fails, and the instance's log has the reason.
   *
   * @default - none
   */
  readonly setup?: string;
  /**
   * Ansible roles and collections that `setup` needs: the path of a `requirements.yml` in the worker directory.
   * `ansible-galaxy install -r` installs them before `setup` runs. Paths in the file are relative to the worker
   * directory; what is there (`type: file`) needs no Galaxy. Roles and collections of Galaxy are fetched at each boot,
   * and a boot fails while Galaxy is down. `bakedImage` fetches them once.
   *
   * @default - none; only `ansible.builtin` is installed
   */
  readonly setupRequirements?: string;
  /**
   * SSM parameter of type SecureString with the Ansible Vault password for `setup` and the files that it reads. Create
   * it with `aws ssm put-parameter --type SecureString` and pass it with
   * `StringParameter.fromSecureStringParameterAttributes`, with its `encryptionKey` if you encrypt it with a key of
   * your own. Instances may read the parameter; workers may not. An instance fetches the password at boot and keeps it
   * in memory until the set-up has run. The template and user-data contain only the parameter's name. With
   * `bakedImage` the build instance fetches the password, and what the set-up decrypts and writes to disk is in the
   * image.
   *
   * @default - none
   */
  readonly setupVaultPassword?: IParameter;
  /**
   * Environment variables of the workers. Names that begin with `MAYFLY_` are reserved for the agent. The template and
   * user-data show the values, so put no secrets here: see `secrets`.
   *
   * @default - none
   */
  readonly environment?: Record<string, string>;
  /**
   * Secrets of the workers, by the names of their environment variables: secrets of AWS Secrets Manager, fields of them,
   * and SSM parameters. The agent reads them with the workers' role when a job starts, and again after a minute, so that
   * jobs that start a minute after a rotation have the new value. The fleet grants that role to read them. While a secret
   * cannot be read, jobs go back to the queue without an attempt. Template, user-data, records and logs never have a
   * value. Up to 20; names that begin with `MAYFLY_` or `AWS_` are reserved.
   *
   * @default - none
   */
  readonly secrets?: Record<string, WorkerSecret | ISecret | IParameter>;
  /**
   * Whether workers receive the attributes of their message, in the variable `MAYFLY_MESSAGE_ATTRIBUTES`. The value is
   * a JSON object in the format of the SQS API, `{"colour": {"DataType": "String", "StringValue": "blue"}}`, with
   * `BinaryValue` in base64; `{}` if the message has none. Attributes whose names begin with `Mayfly` are left out. The
   * variable holds 127 KiB: a job with more is dead-lettered before its worker starts, with a reason that says so.
   * Attributes come from the producer, as the body does: trust them no more than the body.
   *
   * @default false
   */
  readonly messageAttributes?: boolean;
  /**
   * AWS credentials of the workers. `role`: a role of their own that has only what you grant to the fleet
   * (`bucket.grantRead(fleet)`). `none`: no credentials. Or a role of yours, which must trust `fleet.role`; a role of the
   * same stack is changed to trust it. Workers never get the role of the instances, which may terminate instances.
   *
   * @default 'role'
   */
  readonly workerAwsAccess?: 'role' | 'none' | IRole;
  /**
   * Number of workers that run at once on an instance: 1 to 1000.
   *
   * @default 1
   */
  readonly concurrency?: number;
  /**
   * Most memory that a worker may use, with all processes that it starts: 32 MiB to 24 TiB, in whole MiB. A worker that
   * uses more is killed, and its job's record says so. The other jobs of the instance continue. Source:
   * systemd.resource-control(5), `MemoryMax=`.
   *
   * @default - no limit but the instance's memory; when that is used up, the largest worker is killed
   */
  readonly workerMemory?: Size;
  /**
   * Most CPU time that a worker may use, with all processes that it starts, in processors: 0.05 to 1000. 0.5 is half a
   * processor. Source: systemd.resource-control(5), `CPUQuota=`.
   *
   * @default - all processors of the instance, shared evenly between its workers
   */
  readonly workerCpu?: number;
  /**
   * Most processes and threads that a worker may have at a time: 16 to 1,000,000. Source:
   * systemd.resource-control(5), `TasksMax=`.
   *
   * @default - 2048, which is set in systemd/mayfly-slot@.service
   */
  readonly workerTasks?: number;
  /**
   * Most disk space that a worker may use: this much in its home directory and `/var/tmp` together, as much in `/tmp`,
   * and as much in any one file. 16 MiB to 24 TiB, in whole MiB. With this prop those directories are in memory and
   * count as memory of the worker: Linux limits the size of a directory on disk only by quotas, which the file systems
   * of the usual images do not have. For other directories that the workers' group may write to, and for
   * `workerCacheDirectory`, only the limit per file applies; that limit is at least 64 MiB, the longest body.
   *
   * @default - no limit, on the root volume; on Amazon Linux 2023 and Debian 13 `/tmp` is in memory and holds at most half
   * of the instance's memory
   */
  readonly workerDisk?: Size;
  /**
   * Directory that is kept from one job to the next, for caches: a path below `/var/cache`, `/srv` or `/mnt`. Each slot of
   * an instance has its own, owned by the user of its workers, as pip, git and npm require. Later jobs of the slot read
   * what a job leaves there: jobs that must not trust each other need a fleet without this prop.
   *
   * @default - none: nothing is kept
   */
  readonly workerCacheDirectory?: string;
}

const environment: Check = {
  allowed:
    'names of letters, digits and "_" that do not begin with a digit or MAYFLY_, each with a text ' +
    'without control characters other than tabs and line ends',
  test: (value) => isObject(value) && Object.entries(value).every(([name, text]) => isVariable(name, text)),
};

/** NUL, which no environment can hold, and what YAML 1.1 does not allow unescaped and JSON does not escape. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const UNPRINTABLE = /[\u0000\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/;

function isVariable(name: string, text: unknown): boolean {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name.startsWith('MAYFLY_')) return false;
  return typeof text === 'string' && text.isWellFormed() && !UNPRINTABLE.test(text);
}

const namedCommands: Check = {
  allowed: `up to ${MOST_COMMANDS} commands, each by a name of a letter, then letters, digits, "_" and "-", up to 64 characters`,
  test: (value) =>
    isObject(value) &&
    Object.keys(value).length <= MOST_COMMANDS &&
    Object.keys(value).every((name) => COMMAND_NAME.test(name) && !RESERVED_NAMES.has(name)),
  values: commandCheck,
};

/** The agent's schema ignores these keys of an object. */
const RESERVED_NAMES = new Set(['constructor', 'prototype']);

const secureParameter: Check = {
  allowed: 'an SSM parameter of the type SecureString (StringParameter.fromSecureStringParameterAttributes)',
  test: (value) =>
    having('an IParameter', 'parameterName').test(value) &&
    (value as IParameter).parameterType === 'SecureString',
};

const awsAccess: Check = {
  allowed: '"role", "none" or an IRole',
  test: (value) => oneOf('role', 'none').test(value) || having('an IRole', 'roleArn').test(value),
};

const MOST_MEMORY_MIB = 24 * 1024 ** 2;

export const workerRows = {
  command: { check: commandCheck, default: ['./hello'], agent: 'command' },
  commands: {
    check: namedCommands,
    agent: 'commands',
    fact: 'commands',
    toFact: (commands: Record<string, string[]> | undefined) => Object.keys(commands ?? {}),
  },
  workerDirectory: { check: text('the path of a directory', /./) },
  setup: {
    check: text(
      'the path of a script, playbook, task file or role, relative to the worker directory',
      /^[^/]/,
    ),
    fact: 'setup',
    toFact: (setup: string | undefined) => setup !== undefined,
  },
  setupRequirements: { check: text('the path of a file, relative to the worker directory', /^[^/]/) },
  setupVaultPassword: { check: secureParameter },
  environment: { check: environment, default: {}, agent: 'environment' },
  secrets: {
    check: secretsCheck,
    setting: 'secretConfigs',
    convert: toSecretConfigs,
    agent: 'secrets',
    fact: 'secretServices',
    toFact: toSecretServices,
  },
  messageAttributes: { check: flag, default: false, agent: 'messageAttributes' },
  workerAwsAccess: { check: awsAccess, default: 'role' },
  concurrency: { check: whole(1, 1000), default: 1, agent: 'concurrency', fact: 'concurrency' },
  workerMemory: {
    check: sizeIn('MiB', 32, MOST_MEMORY_MIB, 'a Size between 32 MiB and 24 TiB in whole MiB'),
    setting: 'workerMemoryMiB',
    convert: toMebibytes,
  },
  workerCpu: { check: number(0.05, 1000) },
  workerTasks: { check: whole(16, 1_000_000) },
  workerDisk: {
    check: sizeIn('MiB', 16, MOST_MEMORY_MIB, 'a Size between 16 MiB and 24 TiB in whole MiB'),
    setting: 'workerDiskMiB',
    convert: toMebibytes,
  },
  workerCacheDirectory: {
    check: text(
      'a path below /var/cache, /srv or /mnt of letters, digits, ".", "_" and "-", such as "/var/cache/jobs"',
      /^\/(var\/cache|srv|mnt)(\/(?!\.{1,2}(\/|$)|mayfly-slot(\/|$))[\w.-]+)+$/,
    ),
  },
} satisfies PropRows<FleetWorkerProps>;
