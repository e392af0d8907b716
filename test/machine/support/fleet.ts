import { execFile } from 'node:child_process';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type AttributeValue, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { Duration } from 'aws-cdk-lib';
import { inject } from 'vitest';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import type { CommandResult } from '../../../local/machines/machine.ts';
import {
  createMachineLauncher,
  type MachineLauncher,
  type MachineLauncherOptions,
} from '../../../local/machines/machine-launcher.ts';
import { hasEnded } from '../../../local/services/ec2/ec2-instance.ts';
import type { AddResources } from '../../support/deploy.ts';
import { eventually } from '../../support/eventually.ts';
import { startFleet, type TestFleet, withDefaults } from '../../support/fleet.ts';

/** A boot takes about ten seconds, or thirty on a busy host. */
export const TIMEOUT_MS = 300_000;
const LARGEST_JOURNAL_BYTES = 64 * 1024 * 1024;
const LAST_LINES = 40;

/** The fields of a journal entry that tests use (systemd.journal-fields(7)). */
export interface JournalEntry {
  MESSAGE: string;
  _SYSTEMD_UNIT?: string;
  /** Microseconds since the epoch. */
  __REALTIME_TIMESTAMP: string;
  _BOOT_ID: string;
}

/** A fleet whose instances are machines that boot. Its `journal` is that of the workers. */
export interface MachineFleet extends TestFleet {
  /** Disables the metadata service of instances: see `MachineLauncher`. */
  silenceMetadata(of: (instance: string) => boolean): () => void;
  /** Runs a command on a machine, as root. */
  on(instance: string, ...command: string[]): Promise<CommandResult>;
  /** All instances that were launched, the oldest first. */
  launched(): string[];
  /** Waits for the launch of the n-th instance (from 0). */
  instance(number: number): Promise<string>;
  /** Waits until `wanted` is true of the state of a unit. */
  unit(instance: string, unit: string, wanted: (state: UnitState) => boolean): Promise<UnitState>;
  /** The journal of a machine, of a unit or complete, while the machine runs and afterwards. */
  machineJournal(instance: string, unit?: string): Promise<JournalEntry[]>;
  /** The item `instance#<id>` of the table. */
  record(instance: string): Promise<Record<string, AttributeValue> | undefined>;
  /** Resolves once a machine is gone and EC2 says so. */
  gone(instance: string): Promise<void>;
}

export interface UnitState {
  ActiveState: string;
  SubState: string;
  Result: string;
  NRestarts: number;
  MainPID: number;
}

/** The props that differ from those in `test/support/fleet.ts`. */
const MACHINE_PROPS: WorkerFleetProps = {
  // The images have only the agent's Node.
  command: ['/opt/mayfly/node/bin/node', './worker.mjs'],
  maxCapacity: 2,
  // Half a real minute, so that a machine that boots does not cause another launch.
  scaleOut: { warmUp: Duration.minutes(30) },
  idleTimeout: Duration.seconds(3),
  retirementBudget: Duration.seconds(20),
  // Jobs are short; only the boots take tens of seconds.
  lease: Duration.seconds(12),
};

/** One object for each set of props, so that its template is synthesised once. */
const merged = new Map<WorkerFleetProps | undefined, WorkerFleetProps>();

function withMachineProps(props: WorkerFleetProps | undefined): WorkerFleetProps {
  const known = merged.get(props) ?? withDefaults(MACHINE_PROPS, props);
  merged.set(props, known);
  return known;
}

/**
 * Starts a cloud whose instances are machines, and a fleet on it.
 *
 * @param props override `MACHINE_PROPS`; the same object uses the same template
 * @throws Error that says why this host cannot boot machines
 */
export async function startMachineFleet(
  props?: WorkerFleetProps,
  { around, ...options }: Partial<MachineLauncherOptions> & { around?: AddResources } = {},
): Promise<MachineFleet> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-machines-'));
  const shared = join(directory, 'shared');
  const journal = { there: '/mnt/shared/journal.jsonl', here: join(shared, 'journal.jsonl') };
  const launcher = await createMachineLauncher({
    ...{ release: inject('release'), onProgress: console.error },
    ...{ ...options, shared },
  });
  await writeFile(journal.here, '');
  // The writers are users of the machines, which do not exist on this host.
  await chmod(journal.here, 0o666);
  const fleet = await startFleet(withMachineProps(props), {
    ...(around ? { around } : {}),
    directory,
    launcher,
    journal,
    timeoutMs: TIMEOUT_MS,
  });
  return Object.assign(fleet, machineSide(fleet, launcher));
}

type MachineSide = Omit<MachineFleet, Exclude<keyof TestFleet, 'failureDetails'>>;

function machineSide(fleet: TestFleet, launcher: MachineLauncher): MachineSide {
  const { cloud, clients, stack } = fleet;
  const launched = () => cloud.instances.all().map(({ id }) => id);
  const machineJournal = (instance: string, unit?: string) =>
    readJournal(join(fleet.directory, 'instances', instance, 'journal'), unit);
  return {
    launched,
    machineJournal,
    silenceMetadata: launcher.silenceMetadata.bind(launcher),
    on: (instance, ...command) => launcher.machine(instance).run(...command),
    instance: (number) => eventually(`instance ${number}`, () => launched()[number], TIMEOUT_MS),
    unit(instance, unit, wanted) {
      const look = async () => {
        const state = await stateOf(launcher, instance, unit).catch(() => undefined);
        return state && wanted(state) && state;
      };
      return eventually(`${unit} of ${instance}`, look, TIMEOUT_MS);
    },
    async record(instance) {
      const Key = { pk: { S: `instance#${instance}` } };
      const { Item } = await clients.dynamodb.send(
        new GetItemCommand({ TableName: stack.table, Key, ConsistentRead: true }),
      );
      return Item;
    },
    async gone(instance) {
      const machine = cloud.instances.get(instance);
      await eventually(`the end of ${instance}`, () => hasEnded(machine), TIMEOUT_MS);
    },
    async failureDetails() {
      const workers = (await fleet.journal()).filter(({ event }) => event !== 'beat');
      const machines = launched().map(async (id) => {
        const entries = await machineJournal(id).catch(() => []);
        return [id, ...entries.slice(-LAST_LINES).map(({ MESSAGE }) => MESSAGE)].join('\n  ');
      });
      return [...workers.map((line) => JSON.stringify(line)), ...(await Promise.all(machines))].join('\n');
    },
  };
}

async function stateOf(launcher: MachineLauncher, instance: string, unit: string): Promise<UnitState> {
  const names = 'ActiveState,SubState,Result,NRestarts,MainPID';
  const { stdout } = await launcher.machine(instance).run('systemctl', 'show', `--property=${names}`, unit);
  const values = new Map(stdout.split('\n').map((line) => line.split('=', 2) as [string, string]));
  const text = (name: string) => values.get(name) ?? '';
  return {
    ActiveState: text('ActiveState'),
    SubState: text('SubState'),
    Result: text('Result'),
    NRestarts: Number(text('NRestarts')),
    MainPID: Number(text('MainPID')),
  };
}

/** The entries of a journal, of a unit or all. */
export async function readJournal(directory: string, unit?: string): Promise<JournalEntry[]> {
  const args = ['--directory', directory, '--output', 'json', '--quiet', ...(unit ? ['--unit', unit] : [])];
  const { stdout } = await promisify(execFile)('journalctl', args, { maxBuffer: LARGEST_JOURNAL_BYTES });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JournalEntry);
}
