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
/** Numbers of users that no system has given to anybody ("Users, Groups, UIDs and GIDs on systemd Systems"). */
const FIRST_USER = 60_600;
/** A group without rights, as on any Linux. */
const NOGROUP = '65534';
/** More than any test wants at once. */
const SOCKETS = 8;

export interface SlotSocketsOptions {
  /**
   * `own`: for each slot a cgroup and an unprivileged user of its own, which takes root. `none`: neither. By default what
   * can be had here.
   */
  cgroups?: 'own' | 'none';
  /** Options of the slots. */
  slotOptions?: string[];
  /** Whether each, if it has a user of its own, empties as many directories after a job as on a machine, and its user's objects. */
  emptying?: boolean;
  /** Whether they get no other options: then they insist on what a unit gives them. */
  bare?: boolean;
  /** Directories of further cgroups that each slot enters. */
  alsoEnter?: string[];
  /** What starts the slots. */
  python?: string;
}

/** Sockets at which slots start, as systemd has them by mayfly-slot@.socket. */
export interface SlotSockets {
  /** Directory of the sockets: 1, 2, ... */
  path: string;
  /** Readable by the workers' users. */
  directory: string;
  /** The slots that run. */
  slots: ReadonlySet<ChildProcess>;
  /** Slots that were started. */
  started: () => number;
  /** What the slots wrote to their standard error: systemd's journal would have it. */
  errors: () => string;
  /** Whether the slots have cgroups and users of their own. */
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

export async function openSlotSockets(options: SlotSocketsOptions = {}): Promise<SlotSockets> {
  const isolated = (options.cgroups ?? (whyNoCgroups() ? 'none' : 'own')) === 'own';
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
    // As with systemd, a connection waits for the end of the slot before.
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

/** One slot, from the connection to its end and that of all that is left in its cgroup. */
async function runSlot(
  socket: Socket,
  { directory, number, cgroup }: Place,
  options: SlotSocketsOptions,
  slots: Set<ChildProcess>,
  onError: (text: string) => void,
): Promise<void> {
  const { slotOptions = [], emptying = false, bare = false, alsoEnter = [], python = PYTHON } = options;
  if (cgroup) mkdirSync(cgroup);
  const enter = [...(cgroup ? [cgroup] : []), ...alsoEnter].map(
    (entered) => `echo $$ > ${entered}/cgroup.procs`,
  );
  const drop = cgroup ? `setpriv --reuid=${FIRST_USER + number} --regid=${NOGROUP} --clear-groups` : '';
  const script = [...enter, `exec ${drop} "$@"`].join(' && ');
  const usual = bare ? [] : ['--any-network', ...(cgroup ? [] : ['--any-cgroup'])];
  const own = emptying && cgroup ? ownDirectories(join(directory, `own-${number}`)) : [];
  const given = [...usual, ...slotOptions, ...own];
  const words = ['-c', script, 'slot', python, '-ISB', join(directory, 'mayfly-slot'), ...given];
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

/** What mayfly-slot@.service names: a home, and five directories. */
function ownDirectories(parent: string): string[] {
  const scratch = ['tmp', 'var-tmp', 'shm', 'mqueue', 'lock'].map((name) => join(parent, name));
  for (const path of scratch) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o1777);
  }
  const home = join(parent, 'tmp', 'home');
  return ['--own-user', '--home', home, ...scratch.flatMap((path) => ['--scratch', path])];
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
