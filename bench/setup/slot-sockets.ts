import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, existsSync, mkdirSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PROGRAM = join(import.meta.dirname, '../../systemd/mayfly-slot');
const PYTHON = '/usr/bin/python3';
/** User ids that no system assigns ("Users, Groups, UIDs and GIDs on systemd Systems"). */
const FIRST_USER = 60_600;
/** The group without permissions of any Linux. */
const NOGROUP = '65534';
/** More than any test uses at once. */
const SOCKETS = 8;

export interface SlotSocketsOptions {
  /**
   * `own`: each slot has its own cgroup and unprivileged user, which needs root. `none`: neither. Default: `own` if that is
   * possible here.
   */
  cgroups?: 'own' | 'none';
  /** Options of the slots. */
  slotOptions?: string[];
  /** Whether a slot with its own user empties its directories and IPC objects after a job, as on a machine. */
  cleansUp?: boolean;
  /** Whether the slots get no other options: then they check what a systemd unit gives them. */
  noDefaults?: boolean;
  /** Directories of further cgroups that each slot enters. */
  alsoEnter?: string[];
  /** The interpreter of the slots. */
  python?: string;
}

/** Sockets that start slots, as mayfly-slot@.socket does with systemd. */
export interface SlotSockets {
  /** Directory of the sockets: 1, 2, ... */
  path: string;
  /** Readable by the workers' users. */
  directory: string;
  /** The running slots. */
  slots: ReadonlySet<ChildProcess>;
  /** How many slots were started. */
  started: () => number;
  /** The standard error of the slots, which systemd writes to the journal. */
  errors: () => string;
  /** Whether the slots have their own cgroups and users. */
  isolated: boolean;
  close(): Promise<void>;
}

/** Why slots cannot run here; undefined if they can. */
export function missingForSlots(): string | undefined {
  if (process.platform !== 'linux') return 'slots need Linux';
  if (!existsSync(PYTHON)) return `slots need ${PYTHON}`;
  return undefined;
}

/** Why slots cannot have their own cgroups here; undefined if they can. */
export function missingForCgroups(): string | undefined {
  if (process.getuid?.() !== 0) return 'creating cgroups needs root';
  if (!hierarchy()) return 'cgroup v2 is not mounted, or is not writable';
  return missingForSlots();
}

export async function openSlotSockets(options: SlotSocketsOptions = {}): Promise<SlotSockets> {
  const isolated = (options.cgroups ?? (missingForCgroups() ? 'none' : 'own')) === 'own';
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-slots-'));
  await chmod(directory, 0o755);
  await cp(PROGRAM, join(directory, 'mayfly-slot'), { recursive: true });
  const path = join(directory, 'slots');
  await mkdir(path);
  const cgroup = isolated ? await makeCgroup(directory) : undefined;
  const slots = new Set<ChildProcess>();
  let errors = '';
  let started = 0;
  let closed = false;
  const ends: Promise<void>[] = [];
  const open = async (number: number): Promise<Server> => {
    // A connection waits for the end of the previous slot, as with systemd.
    let before: Promise<void> = Promise.resolve();
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      before = before.then(async () => {
        if (closed) return void socket.destroy();
        started += 1;
        const place = { directory, number, cgroup: cgroup && join(cgroup, `slot-${number}`) };
        await runSlot(socket, place, options, slots, (text) => {
          errors += text;
        });
      });
      ends.push(before);
    });
    server.listen(join(path, `${number}`));
    await once(server, 'listening');
    return server;
  };
  const servers = await Promise.all(Array.from({ length: SOCKETS }, (_, index) => open(index + 1)));
  return {
    path,
    directory,
    slots,
    isolated,
    started: () => started,
    errors: () => errors,
    async close() {
      closed = true;
      for (const server of servers) server.close();
      for (const slot of slots) slot.kill('SIGKILL');
      await Promise.all(ends);
      if (cgroup) await rmdir(cgroup);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Place {
  directory: string;
  number: number;
  cgroup: string | undefined;
}

/** Runs one slot, from the connection to its end, and kills what is left in its cgroup. */
async function runSlot(
  socket: Socket,
  { directory, number, cgroup }: Place,
  options: SlotSocketsOptions,
  slots: Set<ChildProcess>,
  onError: (text: string) => void,
): Promise<void> {
  const { slotOptions = [], cleansUp = false, noDefaults = false, alsoEnter = [], python = PYTHON } = options;
  if (cgroup) mkdirSync(cgroup);
  const enter = [...(cgroup ? [cgroup] : []), ...alsoEnter].map(
    (entered) => `echo $$ > ${entered}/cgroup.procs`,
  );
  const drop = cgroup ? `setpriv --reuid=${FIRST_USER + number} --regid=${NOGROUP} --clear-groups` : '';
  const script = [...enter, `exec ${drop} "$@"`].join(' && ');
  const files = ['--files', join(makeDirectory(join(directory, `shm-${number}`)), 'mayfly')];
  const usual = noDefaults ? [] : ['--any-network', ...files, ...(cgroup ? [] : ['--any-cgroup'])];
  const own = cleansUp && cgroup ? ownDirectories(join(directory, `own-${number}`)) : [];
  // The first value of an option counts.
  const given = [...slotOptions, ...usual, ...own];
  const args = ['-c', script, 'slot', python, '-ISB', join(directory, 'mayfly-slot'), ...given];
  const slot = spawn('sh', args, {
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

/** A directory that every user may write to, as /tmp. */
function makeDirectory(path: string): string {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o1777);
  return path;
}

/** The home and the five directories that mayfly-slot@.service names. */
function ownDirectories(parent: string): string[] {
  const names = ['tmp', 'var-tmp', 'shm', 'mqueue', 'lock'];
  const scratch = names.map((name) => makeDirectory(join(parent, name)));
  const home = join(parent, 'tmp', 'home');
  return ['--own-user', '--home', home, ...scratch.flatMap((path) => ['--scratch', path])];
}

const PATHS = '/usr/sbin:/usr/bin:/sbin:/bin';

/** The mount point of cgroup v2, alone or beside v1. */
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

/** Kills all processes in the cgroup, as systemd does at the end of a unit, and removes it. */
async function removeCgroup(cgroup: string): Promise<void> {
  await writeFile(join(cgroup, 'cgroup.kill'), '1');
  while ((await readFile(join(cgroup, 'cgroup.procs'), 'utf8')) !== '') await delay(5);
  await rmdir(cgroup);
}
