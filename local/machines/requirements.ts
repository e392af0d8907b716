import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The programs that machines need on their host, each with its Debian package. */
const PROGRAMS: Record<string, string> = {
  'systemd-nspawn': 'systemd-container',
  mmdebstrap: 'mmdebstrap',
  dnsmasq: 'dnsmasq-base',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  flock: 'util-linux',
};

/** The search path for the programs. It includes root's directories, whatever the caller's `PATH` is. */
export const machinePath = [
  process.env['PATH'] ?? '',
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
].join(delimiter);

export interface Host {
  platform: string;
  /** Undefined on platforms without user ids. */
  userId: number | undefined;
  path: string;
}

const thisHost: Host = { platform: process.platform, userId: process.getuid?.(), path: machinePath };

/** Why this host cannot boot machines, with what to do; undefined if it can. */
export function missingForMachines({ platform, userId, path }: Host = thisHost): string | undefined {
  if (platform !== 'linux') return `Machines boot on Linux only, and this is ${platform}.`;
  if (userId !== 0) return 'Machines need root: run the same command after `sudo -E env "PATH=$PATH"`.';
  const missing = Object.keys(PROGRAMS).filter((program) => !isThere(program, path));
  if (missing.length === 0) return undefined;
  const packages = new Set(missing.map((program) => PROGRAMS[program]));
  return `Machines need ${missing.join(', ')}: on Debian and Ubuntu \`apt-get install ${[...packages].join(' ')}\`.`;
}

function isThere(program: string, path: string): boolean {
  return path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
