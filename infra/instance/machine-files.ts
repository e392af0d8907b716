import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/package-files.ts';
import type { FleetSettings } from '../props/settings.ts';
import { makeSlotDropIn } from './unit-settings.ts';

/** A file of an instance. */
export interface MachineFile {
  path: string;
  /** As `chmod` takes it. */
  mode: string;
  content: string;
}

const UNITS = '/etc/systemd/system';

/** The boot script, which user-data starts. */
export const BOOT_SCRIPT = '/usr/local/sbin/mayfly-boot';

/** Seconds to record the end of a job and settle its message after its worker has ended. */
const AFTER_JOBS_SECONDS = 60;
/** Seconds for the log, the table and the hooks, in addition to the retirement budget. */
const BESIDE_RETIREMENT_SECONDS = 900;

/**
 * Files that an instance needs before anything can fail. They are the same for each fleet. An instance boots with them, and can
 * terminate itself with them alone.
 */
export function readMachineFiles(): MachineFile[] {
  return [
    fromPackage('systemd/aws.sh', '/usr/local/lib/mayfly/aws.sh', '0644'),
    file(readFileSync(new URL('./boot.sh', import.meta.url), 'utf8'), BOOT_SCRIPT, '0755'),
    fromPackage('systemd/mayfly-retire.sh', '/usr/local/sbin/mayfly-retire', '0755'),
    fromPackage('systemd/mayfly-deadman.sh', '/usr/local/sbin/mayfly-deadman', '0755'),
    ...['mayfly-retire.service', 'mayfly-deadman.service', 'mayfly-deadman.timer'].map((unit) =>
      fromPackage(`systemd/${unit}`, `${UNITS}/${unit}`, '0644'),
    ),
  ];
}

/** Drop-ins with the fleet's values, for units that are the same for each fleet. */
export function makeDropIns(settings: FleetSettings): MachineFile[] {
  const { drainSeconds, graceSeconds, ladderSeconds, bootBudgetSeconds, stopGraceSeconds } = settings;
  const stop = Math.ceil(drainSeconds + graceSeconds + AFTER_JOBS_SECONDS);
  const slots = makeSlotDropIn(settings);
  return [
    dropIn('mayfly-agent.service', [
      '[Unit]',
      'ConditionPathExists=!/run/mayfly-boot/retiring',
      '[Service]',
      `TimeoutStopSec=${stop}`,
    ]),
    ...(slots.length > 0 ? [dropIn('mayfly-slot@.service', slots)] : []),
    dropIn('mayfly-retire.service', [
      '[Service]',
      `TimeoutStartSec=${Math.ceil(ladderSeconds) + BESIDE_RETIREMENT_SECONDS}`,
    ]),
    dropIn('mayfly-deadman.service', [
      '[Service]',
      `Environment=MAYFLY_BOOT_SECONDS=${bootBudgetSeconds} MAYFLY_STOP_SECONDS=${Math.ceil(stopGraceSeconds)}`,
    ]),
  ];
}

function dropIn(unit: string, lines: string[]): MachineFile {
  return { path: `${UNITS}/${unit}.d/fleet.conf`, mode: '0644', content: `${lines.join('\n')}\n` };
}

function fromPackage(name: string, path: string, mode: string): MachineFile {
  return file(readFileSync(join(packageRoot, name), 'utf8'), path, mode);
}

/** The file without comments and empty lines, which would count as user-data. */
function file(source: string, path: string, mode: string): MachineFile {
  const [first = '', ...lines] = source.split('\n');
  const kept = lines.filter((line) => line.trim() !== '' && !/^\s*#/.test(line));
  return { path, mode, content: `${[first, ...kept].join('\n')}\n` };
}
