import type { WorkerFleetProps } from './props.ts';
import { settingsFrom } from './rows.ts';
import { propTable, type TableSettings } from './table.ts';
import { validateProps, validateSettings } from './validation.ts';

/** The props of a fleet, converted, with every default in its place. */
export type FleetSettings = TableSettings & {
  /** The owner named no instance types. */
  usesDefaultTypes: boolean;
};

/**
 * The settings of a fleet.
 *
 * Throws a `FleetPropsError` on what cannot be deployed.
 */
export function resolveSettings(where: string, id: string, props: WorkerFleetProps): FleetSettings {
  validateProps(where, id, props);
  const settings = settingsFrom(propTable, props, props, id);
  validateSettings(where, settings);
  return { ...settings, usesDefaultTypes: props.instanceTypes === undefined };
}
