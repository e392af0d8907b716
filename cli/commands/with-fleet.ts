import { type Command, Option } from 'commander';
import type { FindOptions, Fleet } from '../../client/fleet.ts';

/** What the options and variables say of the fleet that is meant. */
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

/** Gives a command the options that say which fleet it is for. Its action is one of `onFleet`. */
export function withFleet(command: Command): Command {
  return withFleetOptions(command, (option) => option);
}

/**
 * Gives the command above others the same options, so that they can stand before the verb too. Its help does not list
 * them. A verb that is for no fleet refuses them.
 */
export function withFleetBefore(command: Command): Command {
  return withFleetOptions(command.enablePositionalOptions(), (option) => option.hideHelp()).hook(
    'preAction',
    (_, verb) => {
      if (verb.options.some(({ long }) => long === '--stack')) return;
      const given = fleetFlags(verb).find(([, { source }]) => source === 'cli');
      if (given) verb.error(`error: ${verb.name()} is for no fleet: it has no option ${flagOf(given[0])}.`);
    },
  );
}

function withFleetOptions(command: Command, changed: (option: Option) => Option): Command {
  const option = (flags: string, text: string, variable?: string) => {
    const made = changed(new Option(flags, text).helpGroup(GROUP));
    return variable === undefined ? made : made.env(variable);
  };
  return command
    .addOption(option('--stack <name>', 'the one of this CloudFormation stack', 'MAYFLY_STACK'))
    .addOption(option('--fleet <name>', 'of this name, if the stack has several', 'MAYFLY_FLEET'))
    .addOption(option('--outputs <file>', 'the one of this `cdk deploy --outputs-file`', 'MAYFLY_OUTPUTS'))
    .addOption(option('--region <name>', "AWS's region; by default the one that AWS's own tools take"))
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
 * The action of a command that `withFleet` was given: finds the fleet, and closes it when the action is over. What the
 * library needs is loaded only here: help and completion are quick.
 *
 * @param action gets the fleet, the command's arguments and last its options
 */
export function onFleet<Words extends unknown[]>(
  action: (fleet: Fleet, ...words: Words) => Promise<void>,
): (...words: unknown[]) => Promise<void> {
  return async (...words) => {
    const command = words.pop() as Command;
    const { Fleet } = await import('../../client/fleet.ts');
    const fleet = await Fleet.find(whichFleet(command));
    try {
      await action(fleet, ...(words as Words));
    } finally {
      fleet.close();
    }
  };
}

type Given = readonly [name: keyof FleetFlags, { value: string; source: string | undefined }];

/** The options of the command and of those above it: a flag counts more than a variable, and a nearer flag than another. */
function fleetFlags(command: Command): Given[] {
  const commands: Command[] = [];
  for (let one: Command | null = command; one; one = one.parent) commands.push(one);
  return [...BY_NAME, 'region' as const, ...BY_PARTS].flatMap((name): Given[] => {
    const typed = commands.find((one) => one.getOptionValueSource(name) === 'cli') ?? command;
    const value: unknown = typed.getOptionValue(name);
    return typeof value === 'string' ? [[name, { value, source: typed.getOptionValueSource(name) }]] : [];
  });
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * What was said of the fleet. A flag says which, whatever else variables say: one that names it by its stack takes the
 * place of variables with its queue and table, and the other way round.
 */
function whichFleet(command: Command): FindOptions {
  const said = fleetFlags(command);
  // What a shell makes of "$stack" where nothing has set it: another fleet would be meant.
  const empty = said.find(([, { value, source }]) => source === 'cli' && value.trim() === '');
  if (empty) command.error(`error: ${flagOf(empty[0])} is empty: is a variable not set?`);
  const given = (names: readonly (keyof FleetFlags)[]) =>
    said.some(([name, { source }]) => source === 'cli' && names.includes(name));
  const unsaid: readonly string[] = given(BY_NAME) ? BY_PARTS : given(BY_PARTS) ? BY_NAME : [];
  const counts = said.filter(([name, { source }]) => source !== 'env' || !unsaid.includes(name));
  return findOptionsOf(Object.fromEntries(counts.map(([name, { value }]) => [name, value])));
}

/** The flags as the library has them. Others are left out. */
export function findOptionsOf(flags: FleetFlags): FindOptions {
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
