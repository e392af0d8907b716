/** The oldest Node that runs the sources as they are (type stripping without a flag), as [major, minor]. */
const NEEDED = [22, 18];

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
