import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';

/** The sockets of this process's network: proc_pid_net(5). Java connects to 127.0.0.1 from IPv6 sockets. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];

/**
 * Finds the user of each program that is connected to a port of 127.0.0.1. The keys are the remote ends of the
 * connections (`127.0.0.1:40000`). Rejects if the kernel has no such tables.
 */
export async function findConnectionUsers(port: number): Promise<Map<string, number>> {
  const tables = await Promise.all(TABLES.map((table) => readFile(table, 'latin1')));
  return new Map(tables.flatMap((table) => parseConnectionUsers(table, port)));
}

/** Parses the text of a table. */
export function parseConnectionUsers(table: string, port: number): [end: string, user: number][] {
  const server = `${toHexadecimal('127.0.0.1')}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .filter((line) => line.includes(`${server} `))
    .flatMap((line) => {
      const [, local = '', remote = '', , , , , user] = line.trim().split(/\s+/);
      if (!remote.endsWith(server)) return [];
      const [address = '', localPort = ''] = local.split(':');
      const end = `${toDotted(address.slice(-8))}:${Number.parseInt(localPort, 16)}`;
      return [[end, Number(user)]];
    });
}

/** The kernel prints an address as a number in its own byte order. */
const inByteOrder = (bytes: number[]): number[] => (endianness() === 'LE' ? bytes.toReversed() : bytes);

function toHexadecimal(address: string): string {
  const bytes = inByteOrder(address.split('.').map(Number));
  return bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
}

function toDotted(hex: string): string {
  const bytes = [0, 2, 4, 6].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return inByteOrder(bytes).join('.');
}
