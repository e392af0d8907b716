import { readFileSync } from 'node:fs';

/**
 * Whether a process still runs. One that is dead, but whose parent has not yet asked how it ended, has a number and
 * takes signals: it is a zombie, and runs no more ("proc_pid_stat(5)").
 */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The state follows the program's name, which is in parentheses and may have some itself.
    const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
