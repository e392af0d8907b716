import { existsSync } from 'node:fs';

const isCheckout = existsSync(new URL('../cli/main.ts', import.meta.url));

/**
 * The oldest Node that runs the command, as [major, minor]. A checkout needs type stripping without a flag. The installed
 * package needs what its dependencies need ("engines" in package.json).
 */
const NEEDED = isCheckout ? [22, 18] : [22, 13];

/** Whether this Node is too old. This file uses old syntax only, because the old Node has to parse it. */
export function isTooOld() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1]);
}

export const tooOld = `Node ${NEEDED.join('.')} or newer is needed, this is ${process.versions.node}.`;

/** Prints one sentence, without a stack trace, and sets exit status 1. */
export function fail(sentence) {
  process.stderr.write(`mayfly: ${sentence}\n`);
  process.exitCode = 1;
}
