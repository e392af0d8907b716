import type { Clock } from '../../aws/clock.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { CommandLineOptions } from '../config/options.ts';
import { awsEnvironment } from '../credentials/aws-environment.ts';
import type { Command, FleetCommands } from './fleet-programs.ts';
import { ProcessRunner } from './process-runner.ts';
import type { Runner } from './runner.ts';
import { SlotRunner } from './slot-runner.ts';
import { workerEnvironment } from './worker-environment.ts';

/** Creates what starts workers: in slots if there are any, else as child processes. */
export function createRunner(options: CommandLineOptions, config: AgentConfig, clock: Clock): Runner {
  const { slots, workerDirectory } = options;
  const fleet = { ...awsEnvironment(process.env, config), ...config.environment };
  const shared = {
    ...toFleetCommands(config),
    directory: workerDirectory,
    clock,
  };
  if (slots === undefined) {
    return new ProcessRunner({ ...shared, environment: workerEnvironment(process.env, fleet) });
  }
  // Workers in slots run as other users, so the agent's HOME and TMPDIR are not for them.
  const { PATH, LANG } = process.env;
  const environment = workerEnvironment({ PATH, LANG }, fleet);
  return new SlotRunner({ ...shared, environment, sockets: slots, slots: config.concurrency });
}

/** The commands of a configuration. */
export function toFleetCommands({
  command,
  instanceCheck,
  commands,
}: Pick<AgentConfig, 'command' | 'instanceCheck' | 'commands'>): FleetCommands {
  const named = Object.entries(commands).map(([name, words]): [string, Command] => [name, toCommand(words)]);
  return {
    command: toCommand(command),
    instanceCheck: instanceCheck && toCommand(instanceCheck),
    commands: new Map(named),
  };
}

/** The schema guarantees a program. */
function toCommand([program = '', ...args]: string[]): Command {
  return [program, ...args];
}
