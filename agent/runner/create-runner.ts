import type { Clock } from '../../aws/clock.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { awsEnvironment } from '../credentials/environment.ts';
import { IsolatingRunner } from './isolating-runner.ts';
import type { Options } from '../config/options.ts';
import { ProcessRunner } from './process-runner.ts';
import type { Runner } from './runner.ts';
import { workerEnvironment } from './worker-environment.ts';

/** How this agent starts its workers: in slots if it was told of them, else as its own children. */
export function createRunner(options: Options, config: AgentConfig, clock: Clock): Runner {
  const { slots, workerDirectory } = options;
  const { instanceCheck } = config;
  const fleet = { ...awsEnvironment(process.env, config), ...config.environment };
  const shared = {
    command: vector(config.command),
    instanceCheck: instanceCheck && vector(instanceCheck),
    directory: workerDirectory,
    clock,
  };
  if (slots === undefined) {
    return new ProcessRunner({ ...shared, environment: workerEnvironment(process.env, fleet) });
  }
  // Another user's home and temporary files are no place for a worker in a slot.
  const { PATH, LANG } = process.env;
  const environment = workerEnvironment({ PATH, LANG }, fleet);
  return new IsolatingRunner({ ...shared, environment, sockets: slots, slots: config.concurrency });
}

/** The schema has seen to it that there is a first word. */
function vector([program = '', ...words]: string[]): [string, ...string[]] {
  return [program, ...words];
}
