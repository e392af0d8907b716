import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a machine needs of its host, by the Debian package that has it. */
const PROGRAMS: Record<string, string> = {
  'systemd-nspawn': 'systemd-container',
  mmdebstrap: 'mmdebstrap',
  dnsmasq: 'dnsmasq-base',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  flock: 'util-linux',
};

/** Where root finds them, whatever `PATH` it came with. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const machinePath = `${process.env['PATH'] ?? ''}${delimiter}${SYSTEM_PATH}`;

/** Why no machine can boot on this host, in a sentence that says what to do; undefined if one can. */
export function missingForMachines(): string | undefined {
  if (process.platform !== 'linux') return `Machines boot on Linux only; this is ${process.platform}.`;
  if (process.getuid?.() !== 0)
    return 'Machines need root: run the same command with `sudo -E env "PATH=$PATH"` before it.';
  const missing = Object.keys(PROGRAMS).filter((program) => !isThere(program));
  if (missing.length === 0) return undefined;
  const packages = new Set(missing.map((program) => PROGRAMS[program]));
  return `Machines need ${missing.join(', ')}: on Debian and Ubuntu \`apt-get install ${[...packages].join(' ')}\`.`;
}

function isThere(program: string): boolean {
  return machinePath.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
