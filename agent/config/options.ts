import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LOG_LEVELS, type LogLevel } from '../../aws/log.ts';
import { messageOf } from '../../lib/error-message.ts';

export const USAGE = `mayfly-agent: takes jobs from an SQS queue, runs a worker for each, and terminates its instance when
there are none.

  node agent.mjs --config FILE [--tree DIRECTORY] [--slots DIRECTORY] [--log-level LEVEL]

  --config FILE       the agent's configuration (JSON), as user-data writes it
  --tree DIRECTORY    the deployed tree; by default the parent of the agent's own folder.
                      Workers run in its folder worker/ if it has one, else in the tree itself
  --slots DIRECTORY   has the sockets 1, 2, ... at which systemd starts the slots (mayfly-slot@.socket). Workers run in
                      slots, as other users and each in its own cgroup; by default they are the agent's own children
  --log-level LEVEL   ${LOG_LEVELS.join(', ')}; by default info
  --help              prints this text

Region and queue are in the configuration. Credentials and endpoints are found as by any AWS SDK.
After SIGTERM or SIGINT running jobs have drainSeconds to end; a second signal requeues them at once.
`;

export interface CommandLineOptions {
  configFile: string;
  workerDirectory: string;
  stateDirectory: string;
  /** Directory of the slots' sockets; undefined: workers are the agent's own children. */
  slots: string | undefined;
  logLevel: LogLevel;
}

/** The command line is wrong. The message is for a person and is printed without a stack. */
export class UsageError extends Error {}

/**
 * Reads the command line.
 *
 * @param ownFolder the folder of the agent's file
 * @param env has `STATE_DIRECTORY`, which systemd sets
 * @returns undefined if only the help was asked for
 * @throws UsageError naming the option, its value and what is allowed
 */
export function readOptions(
  argv: string[],
  ownFolder: string,
  env: NodeJS.ProcessEnv,
): CommandLineOptions | undefined {
  const values = parse(argv);
  if (values.help) return undefined;
  if (!values.config) throw new UsageError("--config is missing: the file with the agent's configuration");
  const logLevel = LOG_LEVELS.find((level) => level === values['log-level']);
  if (!logLevel) {
    throw new UsageError(
      `--log-level is "${values['log-level']}"; allowed is one of ${LOG_LEVELS.join(', ')}`,
    );
  }
  const configFile = resolve(values.config);
  const tree = resolve(values.tree ?? dirname(ownFolder));
  const worker = join(tree, 'worker');
  return {
    configFile,
    workerDirectory: existsSync(worker) ? worker : tree,
    stateDirectory: env['STATE_DIRECTORY'] ?? dirname(configFile),
    slots: values.slots,
    logLevel,
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        config: { type: 'string' },
        tree: { type: 'string' },
        slots: { type: 'string' },
        'log-level': { type: 'string', default: 'info' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
