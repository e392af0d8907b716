import { type Command, Option } from 'commander';
import type { FindOptions, Fleet } from '../../client/fleet.ts';

/** The options and environment variables that name a fleet. */
interface FleetFlags {
  stack?: string;
  fleet?: string;
  outputs?: string;
  region?: string;
  queueUrl?: string;
  table?: string;
  logBucket?: string;
  autoScalingGroup?: string;
  deadLetterQueueUrl?: string;
}

const BY_NAME = ['stack', 'fleet', 'outputs'] as const;
const BY_PARTS = ['queueUrl', 'table', 'logBucket', 'autoScalingGroup', 'deadLetterQueueUrl'] as const;
const GROUP = 'Which fleet (default: the only one in the region; see `mayfly --help`):';

/** Adds the options that name the fleet. The action of the command has to be made with `runOnFleet`. */
export function addFleetOptions(command: Command): Command {
  return addOptions(command, (option) => option);
}

/**
 * Adds the same options to a command that has verbs below it, so that they can stand before the verb too. Its help does not
 * list them. A verb that does not use a fleet refuses them.
 */
export function addFleetOptionsBeforeVerb(command: Command): Command {
  return addOptions(command.enablePositionalOptions(), (option) => option.hideHelp()).hook(
    'preAction',
    (_, verb) => {
      if (verb.options.some(({ long }) => long === '--stack')) return;
      const given = fleetFlags(verb).find(([, { source }]) => source === 'cli');
      if (given)
        verb.error(`error: ${verb.name()} does not use a fleet: it has no option ${flagOf(given[0])}.`);
    },
  );
}

function addOptions(command: Command, change: (option: Option) => Option): Command {
  const option = (flags: string, text: string, variable?: string) => {
    const changed = change(new Option(flags, text).helpGroup(GROUP));
    return variable === undefined ? changed : changed.env(variable);
  };
  return command
    .addOption(option('--stack <name>', 'the fleet of this CloudFormation stack', 'MAYFLY_STACK'))
    .addOption(option('--fleet <name>', 'the fleet of this name, if the stack has several', 'MAYFLY_FLEET'))
    .addOption(option('--outputs <file>', 'the fleet of this `cdk deploy --outputs-file`', 'MAYFLY_OUTPUTS'))
    .addOption(option('--region <name>', 'the AWS region; default: as the AWS CLI finds it'))
    .addOption(option('--queue-url <url>', 'its queue', 'MAYFLY_QUEUE_URL').hideHelp())
    .addOption(option('--table <name>', 'its table', 'MAYFLY_TABLE').hideHelp())
    .addOption(option('--log-bucket <name>', 'its log bucket', 'MAYFLY_LOG_BUCKET').hideHelp())
    .addOption(
      option('--auto-scaling-group <name>', 'its Auto Scaling group', 'MAYFLY_AUTO_SCALING_GROUP').hideHelp(),
    )
    .addOption(
      option(
        '--dead-letter-queue-url <url>',
        'its dead-letter queue',
        'MAYFLY_DEAD_LETTER_QUEUE_URL',
      ).hideHelp(),
    );
}

/**
 * Makes the action of a command that has the options of `addFleetOptions`: it finds the fleet, and closes it at the end. The
 * library is loaded only here, so that help and completion start fast.
 *
 * @param action gets the fleet, the arguments of the command, and last its options
 */
export function runOnFleet<Args extends unknown[]>(
  action: (fleet: Fleet, ...args: Args) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.pop() as Command;
    const { Fleet } = await import('../../client/fleet.ts');
    const fleet = await Fleet.find(findOptions(command));
    try {
      await action(fleet, ...(args as Args));
    } finally {
      fleet.close();
    }
  };
}

type FleetFlag = readonly [name: keyof FleetFlags, { value: string; source: string | undefined }];

/** The flags of the command and of those above it. Typed flags override variables, those after the verb those before it. */
function fleetFlags(command: Command): FleetFlag[] {
  const commands: Command[] = [];
  for (let one: Command | null = command; one; one = one.parent) commands.push(one);
  return [...BY_NAME, 'region' as const, ...BY_PARTS].flatMap((name): FleetFlag[] => {
    const typed = commands.find((one) => one.getOptionValueSource(name) === 'cli') ?? command;
    const value: unknown = typed.getOptionValue(name);
    return typeof value === 'string' ? [[name, { value, source: typed.getOptionValueSource(name) }]] : [];
  });
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Typed flags override variables. A flag that names the fleet by its stack also overrides the variables that name its parts
 * (queue, table, ...), and the other way round.
 */
function findOptions(command: Command): FindOptions {
  const flags = fleetFlags(command);
  // A shell passes an empty value for "$stack" if the variable is not set. Without this check another fleet would be used.
  const empty = flags.find(([, { value, source }]) => source === 'cli' && value.trim() === '');
  if (empty) command.error(`error: ${flagOf(empty[0])} is empty: is a variable not set?`);
  const isTyped = (names: readonly (keyof FleetFlags)[]) =>
    flags.some(([name, { source }]) => source === 'cli' && names.includes(name));
  const overridden: readonly string[] = isTyped(BY_NAME) ? BY_PARTS : isTyped(BY_PARTS) ? BY_NAME : [];
  const valid = flags.filter(([name, { source }]) => source !== 'env' || !overridden.includes(name));
  return toFindOptions(Object.fromEntries(valid.map(([name, { value }]) => [name, value])));
}

/** The flags under the names of the library's options. Other properties are left out. */
export function toFindOptions(flags: FleetFlags): FindOptions {
  const { stack, fleet, outputs, region, queueUrl, table, logBucket, autoScalingGroup, deadLetterQueueUrl } =
    flags;
  return {
    ...(stack && { stack }),
    ...(fleet && { fleet }),
    ...(outputs && { outputs }),
    ...(region && { region }),
    ...(queueUrl && { queueUrl }),
    ...(table && { table }),
    ...(logBucket && { logBucket }),
    ...(autoScalingGroup && { group: autoScalingGroup }),
    ...(deadLetterQueueUrl && { deadLetterQueueUrl }),
  };
}
