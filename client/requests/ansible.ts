import { execFile } from 'node:child_process';
import { promisify, stripVTControlCharacters } from 'node:util';
import { InventoryError } from '../errors.ts';

/** What the inventory is read with: the variables that Ansible gets, such as `PATH` and `AWS_PROFILE`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a program of Ansible printed. */
export interface AnsibleOutput {
  stdout: string;
  warnings: string[];
}

/** Characters of an inventory at most. A text of V8 has at most 2^29 - 24. */
const MOST_CHARACTERS = 500_000_000;
/** Characters of stderr that a message quotes. The error is at its end. */
const MOST_QUOTED = 4000;

/** Settings of `ansible.cfg` that would change what is printed or ask a person. */
const SETTINGS: Environment = {
  ANSIBLE_VERBOSITY: '0',
  ANSIBLE_NOCOLOR: 'true',
  ANSIBLE_INVENTORY_EXPORT: 'false',
  ANSIBLE_ASK_PASS: 'false',
  ANSIBLE_BECOME_ASK_PASS: 'false',
};

/** Else Ansible leaves out what it cannot parse, with a warning, and sizes of groups would be too small. Its owner can say so. */
const DEFAULTS: Environment = { ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED: 'true' };

const run = promisify(execFile);

/**
 * Runs a program of Ansible.
 *
 * @returns undefined if it is not on the `PATH`
 * @throws InventoryError with what it printed on stderr, if it fails
 */
export async function runAnsible(
  program: string,
  args: readonly string[],
  environment: Environment,
): Promise<AnsibleOutput | undefined> {
  const running = run(program, args, {
    env: { ...DEFAULTS, ...environment, ...SETTINGS },
    maxBuffer: MOST_CHARACTERS,
  });
  running.child.stdin?.end();
  try {
    const { stdout, stderr } = await running;
    return { stdout, warnings: readWarnings(stderr) };
  } catch (error) {
    const { code, stderr = '', message } = error as Error & { code?: string | number; stderr?: string };
    if (code === 'ENOENT') return undefined;
    if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
      throw new InventoryError(`\`${program}\` prints more than ${MOST_CHARACTERS} characters.`, {
        cause: error,
      });
    }
    const said = stripVTControlCharacters(stderr).trim().slice(-MOST_QUOTED) || message;
    throw new InventoryError(`\`${program} ${args.join(' ')}\` failed:\n${said}`, { cause: error });
  }
}

/** A warning begins with `[` and is wrapped. */
function readWarnings(stderr: string): string[] {
  const texts = stripVTControlCharacters(stderr).split(/\n(?=\[)/);
  return texts.map((text) => text.trim().replace(/\s+/g, ' ')).filter((text) => text !== '');
}
