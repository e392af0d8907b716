import { spawn } from 'node:child_process';
import type { Log } from '../../aws/log.ts';

/**
 * Sends assignments of sd_notify(3) to systemd, such as `READY=1`. Never rejects. Resolves with true once systemd has read
 * them, with false if they may be lost.
 */
export type Notify = (...assignments: string[]) => Promise<boolean>;

/** `systemd-notify` waits up to five seconds until systemd has read its message. */
const TIMEOUT_MS = 10_000;

/**
 * Returns how this process notifies systemd; undefined if `NOTIFY_SOCKET` is not set.
 *
 * It runs the program `systemd-notify`, since Node has no Unix datagram sockets. The program is a child process, so the
 * unit needs `NotifyAccess=all`. It waits until its message was read, since systemd cannot attribute the message of a
 * process that has ended (systemd-notify(1)). Messages arrive in order.
 */
export function createNotify(env: NodeJS.ProcessEnv, log: Log): Notify | undefined {
  if (!env['NOTIFY_SOCKET']) return undefined;
  let last: Promise<boolean> = Promise.resolve(true);
  return (...assignments) => {
    last = last.then(async () => {
      const problem = await run('systemd-notify', assignments, env);
      if (problem) log.warn({ assignments, problem }, 'systemd could not be notified');
      return !problem;
    });
    return last;
  };
}

/** Runs a program. Returns what went wrong; undefined if it succeeded. */
function run(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: 'ignore', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (status, signal) => {
      resolve(status === 0 ? undefined : `${program} ended with ${signal ?? status}`);
    });
  });
}
