import { spawn } from 'node:child_process';
import { backoffMs } from '../../policy/ladder.ts';
import type { Self } from './self.ts';

/**
 * The last rung: the machine switches itself off, tried for as long as it takes. Without a command nothing is switched
 * off: a developer's own machine is none of ours.
 */
export async function powerOff(self: Self, signal: AbortSignal): Promise<void> {
  const { clock, log, config } = self;
  if (!config.powerOffCommand) {
    log.info('no powerOffCommand is configured: the agent ends, the machine stays on');
    return;
  }
  for (let failures = 1; !signal.aborted; failures++) {
    const problem = await run(config.powerOffCommand);
    if (problem === undefined) return;
    log.error({ command: config.powerOffCommand, problem, failures }, 'power off failed, trying again');
    await clock.sleep(backoffMs(failures, self.random()), signal);
  }
}

/** Undefined when the command succeeded, else what went wrong. */
function run([program = '', ...args]: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore' });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (status, killedBy) => {
      resolve(status === 0 ? undefined : `${program} ended with ${killedBy ?? status}`);
    });
  });
}
