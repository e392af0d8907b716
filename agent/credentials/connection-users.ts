import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';

/** This process's network: proc_pid_net(5). Java connects to 127.0.0.1 from sockets of IPv6. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];

/**
 * The user of each program that has a connection to a port of 127.0.0.1, by the connection's other end
 * (`127.0.0.1:40000`). Rejects where the kernel has no such tables.
 */
export async function connectionUsers(port: number): Promise<Map<string, number>> {
  const tables = await Promise.all(TABLES.map((table) => readFile(table, 'latin1')));
  return new Map(tables.flatMap((table) => usersIn(table, port)));
}

/** The same from the text of a table. */
export function usersIn(table: string, port: number): [end: string, user: number][] {
  const server = `${hexadecimal('127.0.0.1')}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .filter((line) => line.includes(`${server} `))
    .flatMap((line) => {
      const [, local = '', remote = '', , , , , user] = line.trim().split(/\s+/);
      if (!remote.endsWith(server)) return [];
      const [address = '', localPort = ''] = local.split(':');
      const end = `${dotted(address.slice(-8))}:${Number.parseInt(localPort, 16)}`;
      return [[end, Number(user)]];
    });
}

/** The kernel prints an address as a number of its own byte order. */
const ordered = (bytes: number[]): number[] => (endianness() === 'LE' ? bytes.toReversed() : bytes);

function hexadecimal(address: string): string {
  const bytes = ordered(address.split('.').map(Number));
  return bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
}

function dotted(hex: string): string {
  const bytes = [0, 2, 4, 6].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return ordered(bytes).join('.');
}
