import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { dhcpHosts } from './addresses.ts';
import { machinePath } from './requirements.ts';

/** The namespaces in which all machines of one cloud run. They have one network and end together. */
export interface MachineNamespaces {
  /** Part of the name of their control groups. */
  name: string;
  /** The id of the namespaces' first process. Processes enter the namespaces through it. */
  pid: number;
  /** Kills every machine and removes the network. */
  close(): Promise<void>;
}

const SCRIPT = join(import.meta.dirname, 'namespaces.sh');

/** @throws Error with the system's message if namespaces, the bridge or DHCP cannot be set up. */
export async function createNamespaces(): Promise<MachineNamespaces> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-machines-'));
  await writeFile(join(directory, 'addresses'), dhcpHosts());
  const name = `${process.pid}-${randomBytes(3).toString('hex')}`;
  const child = spawn('sh', [SCRIPT, name, directory], {
    // A session of its own: Ctrl-C in a terminal reaches only the cloud, which ends this process itself.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH: machinePath },
  });
  child.stdin.on('error', () => {});
  const ended = once(child, 'close');
  const pid = await readyPid(child);
  const close = async () => {
    child.stdin.end();
    await ended;
  };
  return { name, pid, close };
}

function readyPid(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<number> {
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [word, pid] = line.split(' ');
      if (word === 'ready') resolve(Number(pid));
    });
    child.once('error', reject);
    child.once('close', () =>
      reject(new Error(`The machines' network could not be set up: ${output.trim()}`)),
    );
  });
}
