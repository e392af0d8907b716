import { spawn } from 'node:child_process';
import type { Log } from '../../aws/log.ts';

/**
 * Tells systemd how the service does: assignments of sd_notify(3), such as `READY=1`. Never rejects; resolves with true
 * once systemd has read them, with false if they may be lost.
 */
export type Notify = (...assignments: string[]) => Promise<boolean>;

/** `systemd-notify` waits five seconds for systemd to read what it sent. */
const LONGEST_MS = 10_000;

/**
 * How this process notifies who started it; undefined if nobody listens (`NOTIFY_SOCKET` is not set).
 *
 * By the program `systemd-notify`, as Node has no datagram sockets of the Unix kind. It is a child, which the unit must
 * allow (`NotifyAccess=all`), and it waits until its message was read, since systemd could not tell whose message
 * that of a process is which has gone (systemd-notify(1)). Messages arrive in the order in which they were given.
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

/** Undefined when the program succeeded, else what went wrong. */
function run(program: string, words: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, words, { env, stdio: 'ignore', timeout: LONGEST_MS, killSignal: 'SIGKILL' });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (status, signal) => {
      resolve(status === 0 ? undefined : `${program} ended with ${signal ?? status}`);
    });
  });
}
