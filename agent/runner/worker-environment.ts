/** The variables of the agent's environment that workers get too: no credentials, no endpoints, nothing of systemd's. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TMPDIR'];

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of every worker of the fleet. A job's variables are added to it. */
export function workerEnvironment(
  own: NodeJS.ProcessEnv,
  fleet: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = { PATH };
  for (const name of PASSED_ON) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...fleet };
}
