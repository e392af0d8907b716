/** Of the agent's own environment a worker gets these alone: no credentials, no endpoints, nothing of systemd's. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TMPDIR'];

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What every worker of the fleet finds in its environment; a job's own variables come on top. */
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
