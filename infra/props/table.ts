import { text } from './checks.ts';
import { instanceRows } from './instances.ts';
import { jobRows } from './jobs.ts';
import { lifecycleRows } from './lifecycle.ts';
import { networkRows } from './network.ts';
import type { WorkerFleetProps } from './props.ts';
import { type PropRows, type Settings, type SettingsFor, settingsFor } from './rows.ts';
import { storeRows } from './stores.ts';
import { workerRows } from './worker.ts';

/**
 * All props: what each may be, its default, and where the agent and the commands find it. The row of a prop is beside its
 * type and its documentation, in one of the files that are imported here.
 */
export const propTable = {
  fleetName: {
    // It is part of an SSM parameter's name, a metric's dimension and a tag that the instance metadata shows.
    check: text(
      'up to 64 letters, digits, ".", "_" and "-", the first a letter or digit',
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    ),
    default: (_props: WorkerFleetProps, id: string) => id,
    setting: 'name',
  },
  ...workerRows,
  ...jobRows,
  ...instanceRows,
  ...networkRows,
  ...lifecycleRows,
  ...storeRows,
} satisfies PropRows<WorkerFleetProps>;

type PropTable = typeof propTable;

export type TableSettings = Settings<PropTable, WorkerFleetProps>;

/** The settings that agent.json has, by its keys. */
export function settingsForAgent(settings: TableSettings) {
  return settingsFor('agent', propTable, settings) as SettingsFor<'agent', PropTable, WorkerFleetProps>;
}

/** The settings that the fleet facts have, by their keys. */
export function settingsForFacts(settings: TableSettings) {
  return settingsFor('fact', propTable, settings) as SettingsFor<'fact', PropTable, WorkerFleetProps>;
}
