import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

/** Memory that a process has of the machine now. Linux tells in /proc, other systems by `ps`. */
export async function residentMiB(pid: number): Promise<number> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }
  const { stdout } = await execa('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) / 1024;
}
