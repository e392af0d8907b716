import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { eventually } from './eventually.ts';

/** A program on its own terminal: `script` (util-linux) records the output and passes on the input. */
export interface Pty {
  /** Types a text; `\t` is Tab, `\x03` Ctrl-C. */
  type(text: string): void;
  /** All output so far, with escape sequences. */
  screen(): string;
  /** Waits until the output, without escape sequences, contains the text. */
  shows(text: string | RegExp, withinMs?: number): Promise<void>;
  /** Waits for the end of the program. @returns its exit status */
  ended(): Promise<number | undefined>;
  kill(): void;
}

export interface PtyOptions {
  cwd: string;
  env: Record<string, string>;
  columns?: number;
}

/** Runs a shell command on a terminal. */
export function onTerminal(line: string, { cwd, env, columns = 80 }: PtyOptions): Pty {
  // With CI set, Node assumes a terminal without colours.
  const { CI: _, ...person } = env;
  const child = execa('script', ['-qefc', `stty cols ${columns}; ${line}`, '/dev/null'], {
    cwd,
    env: { ...person, TERM: 'xterm-256color' },
    extendEnv: false,
    reject: false,
    buffer: false,
  });
  let got = '';
  child.stdout.on('data', (chunk) => {
    got += chunk;
  });
  return {
    type: (text) => void child.stdin.write(text),
    screen: () => got,
    shows: async (text, withinMs) => {
      const seen = () => {
        const plain = stripVTControlCharacters(got);
        return typeof text === 'string' ? plain.includes(text) : text.test(plain);
      };
      await eventually(`${text} on the terminal`, seen, withinMs).catch((error) => {
        throw new Error(`${error.message}; it shows ${JSON.stringify(got)}`);
      });
    },
    ended: async () => (await child).exitCode,
    kill: () => void child.kill('SIGKILL'),
  };
}
