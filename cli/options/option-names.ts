/** Options of requests and groups that the command calls otherwise than the library does. */
const NAMES: Readonly<Record<string, string>> = {
  anyErrorsFatal: '--any-errors-fatal',
  checkSeconds: '--check-limit',
  healthy: '--healthy',
  keepGoing: '--keep-going',
  lanes: '--lanes',
  limitSeconds: '--async',
  maxAttempts: '--tries',
  maxFail: '--max-fail',
  onFailure: '--on-failure',
  pauseAfter: '--pause-after',
  serial: '--serial',
  settleSeconds: '--settle',
  size: '--size',
  throttle: '--throttle',
};

/** An error of the library about its options, with the names that the command has for them. */
export function nameOptions(message: string): string {
  return message.replaceAll(
    /`(\w+)`/g,
    (text, name: string) => (Object.hasOwn(NAMES, name) ? NAMES[name] : text) ?? text,
  );
}
