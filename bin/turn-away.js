import { existsSync } from 'node:fs';

const isCheckout = existsSync(new URL('../cli/main.ts', import.meta.url));

/**
 * The oldest Node that runs the command, as [major, minor]: in a checkout the sources as they are (type stripping without
 * a flag), else what was built of them, whose dependencies need it ("engines" of package.json).
 */
const NEEDED = isCheckout ? [22, 18] : [22, 13];

/** Whether this Node is too old. Plain old syntax here: it must be understood by the Node that it turns away. */
export function isTooOld() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1]);
}

export const tooOld = `Node ${NEEDED.join('.')} or newer is needed, this is ${process.versions.node}.`;

/** Ends with a sentence, not a stack. */
export function fail(sentence) {
  process.stderr.write(`mayfly: ${sentence}\n`);
  process.exitCode = 1;
}
