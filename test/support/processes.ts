import { readFileSync } from 'node:fs';

/** Whether a process runs. A zombie, whose parent has not waited for it yet, does not run ("proc_pid_stat(5)"). */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The state follows the name of the program, which is in parentheses and may contain parentheses.
    const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
