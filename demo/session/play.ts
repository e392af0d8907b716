import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { Step } from './script.ts';

/** One line of a session, with its time. */
export interface Line {
  kind: 'comment' | 'typed' | 'printed';
  /** Since the start of the session. */
  atMs: number;
  text: string;
}

/** Runs the commands of the steps in a shell, one after the other, and records their output. */
export async function recordSession(
  steps: readonly Step[],
  environment: Record<string, string>,
  directory: string,
): Promise<Line[]> {
  const startMs = performance.now();
  const lines: Line[] = [];
  const add = (kind: Line['kind'], text: string) =>
    lines.push({ kind, atMs: performance.now() - startMs, text });
  let id = '';
  const type = async (comment: string, typed: string): Promise<void> => {
    const shown = typed.replaceAll('$ID', id);
    add('comment', comment);
    add('typed', shown);
    const shell = execa('bash', ['-c', shown], {
      env: environment,
      extendEnv: false,
      cwd: directory,
      all: true,
      reject: false,
    });
    for await (const line of shell.iterable({ from: 'all' })) {
      add('printed', String(line));
      id = /\b[jd]-[a-z0-9]+\b/.exec(String(line))?.[0] ?? id;
    }
    await shell;
  };
  for (const { comment, typed, before, meanwhile } of steps) {
    await before?.(id);
    const first = type(comment, typed);
    if (meanwhile) {
      await delay((meanwhile.afterSeconds ?? 0) * 1000);
      await meanwhile.when?.();
      await type(meanwhile.comment, meanwhile.typed);
    }
    await first;
  }
  return lines;
}
