import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process, as `/proc` shows it. */
interface Process {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** The controlling terminal, 0 for none. */
  terminal: number;
}

/**
 * Kills everything that belongs to an instance: processes that run in its directory or were started from it, and their
 * process groups, sessions and descendants. A worker's `setsid` grandchild has left the group, but not the directory.
 * On EC2 all of them end with the instance.
 *
 * @param root the instance's main process, which led a session of its own and may have ended.
 * @throws if a process outlives SIGKILL.
 */
export async function killInstance(directory: string, root: number): Promise<void> {
  for (let round = 0; round < 100; round += 1) {
    const found = findProcesses(directory, root);
    if (found.length === 0) return;
    for (const pid of found) kill(pid, 'SIGKILL');
    await delay(10);
  }
  throw new Error(`processes ${findProcesses(directory, root).join(', ')} of ${directory} outlive SIGKILL`);
}

/** Sends a signal. A process that has ended in the meantime is no error. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The arguments of `kill` for the instance's processes; without `/proc`, the main process's group. */
export function findProcesses(directory: string, root: number): number[] {
  const all = allProcesses();
  if (all.length === 0) return groupAlive(root) ? [-root] : [];
  const owned = new Set(all.filter((one) => livesBelow(directory, one)).map(({ pid }) => pid));
  const belongs = ({ parent, group, session }: Process): boolean =>
    owned.has(parent) || [group, session].some((leader) => leader === root || owned.has(leader));
  for (let before = -1; before !== owned.size; ) {
    before = owned.size;
    for (const one of all) if (one.pid !== process.pid && belongs(one)) owned.add(one.pid);
  }
  return [...owned];
}

function allProcesses(): Process[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []));
}

/** "proc_pid_stat(5)": the name in parentheses may itself hold spaces and parentheses. */
function readProcess(pid: number): Process | undefined {
  const stat = readQuietly(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (stat === undefined) return undefined;
  const [state, parent, group, session, terminal] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z' || state === 'X') return undefined;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    terminal: Number(terminal),
  };
}

/** A person's shell in the directory has a terminal; no process of the instance has one. */
function livesBelow(directory: string, { pid, terminal }: Process): boolean {
  if (pid === process.pid || terminal !== 0) return false;
  const cwd = readQuietly(() => readlinkSync(`/proc/${pid}/cwd`));
  if (cwd === directory || cwd?.startsWith(`${directory}/`)) return true;
  const environment = readQuietly(() => readFileSync(`/proc/${pid}/environ`, 'latin1'));
  return environment?.includes(`${directory}/`) ?? false;
}

/** A process may end while it is read. */
function readQuietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function groupAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}
