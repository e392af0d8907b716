import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PROGRAM = join(import.meta.dirname, '../../systemd/mayfly-slot');
const PYTHON = '/usr/bin/python3';
/** A user without rights, as on any Linux. */
const NOBODY = '65534';

export interface SlotSocketOptions {
  /**
   * `own`: a cgroup for each slot, and an unprivileged user, which takes root. `none`: neither. By default what can be
   * had here.
   */
  cgroups?: 'own' | 'none';
  /** Options of the slots. */
  slotOptions?: string[];
  /** Whether they get no other options: then they insist on what a unit gives them. */
  bare?: boolean;
  /** Directories of further cgroups that each slot enters. */
  alsoEnter?: string[];
  /** What starts the slots. */
  python?: string;
}

/** Starts a slot for each connection, as systemd does for mayfly-slot.socket. */
export interface SlotSocket {
  path: string;
  /** Readable by the workers' user. */
  directory: string;
  /** The slots that run. */
  slots: ReadonlySet<ChildProcess>;
  /** Slots that were started. */
  started: () => number;
  /** What the slots wrote to their standard error: systemd's journal would have it. */
  errors: () => string;
  /** Whether the slots have cgroups of their own. */
  isolated: boolean;
  close(): Promise<void>;
}

/** Why there can be no slots here; undefined when there can. */
export function whyNoSlots(): string | undefined {
  if (process.platform !== 'linux') return 'slots need Linux';
  if (!existsSync(PYTHON)) return `slots need ${PYTHON}`;
  return undefined;
}

/** Why slots cannot have cgroups of their own here; undefined when they can. */
export function whyNoCgroups(): string | undefined {
  if (process.getuid?.() !== 0) return 'it takes root to make cgroups';
  if (!hierarchy()) return 'cgroup v2 is not mounted here, or not to be written';
  return whyNoSlots();
}

export async function openSlotSocket(options: SlotSocketOptions = {}): Promise<SlotSocket> {
  const isolated = (options.cgroups ?? (whyNoCgroups() ? 'none' : 'own')) === 'own';
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-slots-'));
  await chmod(directory, 0o755);
  await cp(PROGRAM, join(directory, 'mayfly-slot'), { recursive: true });
  const cgroup = isolated ? await makeCgroup(directory) : undefined;
  const slots = new Set<ChildProcess>();
  const ends: Promise<void>[] = [];
  let errors = '';
  let started = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    started += 1;
    const own = cgroup && join(cgroup, `slot-${started}`);
    ends.push(
      runSlot(socket, directory, own, options, slots, (text) => {
        errors += text;
      }),
    );
  });
  const path = join(directory, 'slot.sock');
  server.listen(path);
  await once(server, 'listening');
  return {
    path,
    directory,
    slots,
    isolated,
    started: () => started,
    errors: () => errors,
    async close() {
      server.close();
      for (const slot of slots) slot.kill('SIGKILL');
      await Promise.all(ends);
      if (cgroup) await rmdir(cgroup);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** One slot, from the connection to its end and that of all that is left in its cgroup. */
async function runSlot(
  socket: Socket,
  directory: string,
  cgroup: string | undefined,
  { slotOptions = [], bare = false, alsoEnter = [], python = PYTHON }: SlotSocketOptions,
  slots: Set<ChildProcess>,
  onError: (text: string) => void,
): Promise<void> {
  // At once, so that whoever closes the socket knows of every slot.
  if (cgroup) mkdirSync(cgroup);
  const enter = [...(cgroup ? [cgroup] : []), ...alsoEnter].map(
    (entered) => `echo $$ > ${entered}/cgroup.procs`,
  );
  const drop = cgroup ? `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups` : '';
  const script = [...enter, `exec ${drop} "$@"`].join(' && ');
  const usual = bare ? [] : ['--any-network', ...(cgroup ? [] : ['--any-cgroup'])];
  const program = [python, '-ISB', join(directory, 'mayfly-slot'), ...usual, ...slotOptions];
  const words = ['-c', script, 'slot', ...program];
  const slot = spawn('sh', words, {
    env: { PATH: PATHS, HOME: '/nonexistent' },
    stdio: [socket, 'ignore', 'pipe'],
  });
  socket.destroy();
  slots.add(slot);
  slot.stderr?.on('data', (chunk) => onError(String(chunk)));
  slot.on('error', (error) => onError(`${error.message}\n`));
  await new Promise((resolve) => slot.once('close', resolve));
  slots.delete(slot);
  if (cgroup) await removeCgroup(cgroup);
}

const PATHS = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Where cgroup v2 is mounted: alone, or beside v1. */
function hierarchy(): string | undefined {
  return ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => {
    try {
      accessSync(join(path, 'cgroup.procs'), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function makeCgroup(directory: string): Promise<string> {
  const cgroup = join(hierarchy() ?? '', directory.split('/').at(-1) ?? '');
  await mkdir(cgroup);
  return cgroup;
}

/** Kills all in it, as systemd does at the end of a unit. */
async function removeCgroup(cgroup: string): Promise<void> {
  await writeFile(join(cgroup, 'cgroup.kill'), '1');
  while ((await readFile(join(cgroup, 'cgroup.procs'), 'utf8')) !== '') await delay(5);
  await rmdir(cgroup);
}
