import type { AgentConfigInput } from '../../agent/config/agent-config.ts';
import type { FleetFactsInput } from '../../store/fleet-facts.ts';
import type { Check } from './checks.ts';

type AgentSection = 'retirement' | 'log';
type KeysOf<Section extends AgentSection> = keyof NonNullable<AgentConfigInput[Section]>;

/** A key of agent.json. A dot separates the key of a section, such as `retirement.billing`. */
export type AgentKey =
  | Exclude<keyof AgentConfigInput, AgentSection>
  | `retirement.${KeysOf<'retirement'>}`
  | `log.${KeysOf<'log'>}`;

/** A key of the fleet facts, which the commands read from the SSM parameter. */
export type FactKey = keyof FleetFactsInput;

/** A string mapping type: a row keeps the literal type of its name, which `string` would widen. */
type Name = Uncapitalize<string>;

/** All that the construct has to know of one prop. `Props` are the props that its default may follow from. */
export interface PropRow<Props, Value> {
  /** What the value may be. */
  readonly check: Check;
  /** The value where none is given, or a function that makes it. Without one the setting is then undefined. */
  readonly default?: Value | ((props: Props, id: string) => Value);
  /** Name of the setting, with its unit. By default the name of the prop. */
  readonly setting?: Name;
  /** Converts the value to the setting. By default the setting is the value. */
  readonly convert?: (value: Value, props: Props) => unknown;
  /** The key of agent.json that has the setting. Without one the agent does not know it. */
  readonly agent?: AgentKey;
  /** The key of the fleet facts that has the setting. Without one the commands do not know it. */
  readonly fact?: FactKey;
  /** Converts the setting to the fact. By default the fact is the setting. */
  readonly toFact?: (setting: Value | undefined) => unknown;
}

/** A row for each prop of `Own`: the compiler refuses a prop without one. */
export type PropRows<Own, Props = Own> = {
  readonly [Key in keyof Own]-?: PropRow<Props, NonNullable<Own[Key]>>;
};

type Converted<Row, Value> = Row extends { convert: (...args: never[]) => infer Setting } ? Setting : Value;
type SettingName<Row, Key> = Row extends { setting: infer Own extends string } ? Own : Key;
type SettingOf<Row, Value> = Row extends { default: unknown }
  ? Converted<Row, Value>
  : Converted<Row, Value> | undefined;

/** The settings that the rows make of the props. */
export type Settings<Rows, Props> = {
  [Key in keyof Rows & keyof Props as SettingName<Rows[Key], Key>]: SettingOf<
    Rows[Key],
    NonNullable<Props[Key]>
  >;
};

type Reader = 'agent' | 'fact';
type KeyFor<To extends Reader, Row> = Row extends { [Key in To]: infer Key extends string } ? Key : never;
type Fact<Row, Value> = Row extends { toFact: (...args: never[]) => infer Output }
  ? Output
  : Converted<Row, Value>;
type ValueFor<To extends Reader, Row, Value> = Exclude<
  To extends 'fact' ? Fact<Row, Value> : Converted<Row, Value>,
  undefined
>;

/** The settings that the agent or the commands know, by their keys there. Those without a default may be absent. */
export type SettingsFor<To extends Reader, Rows, Props> = {
  [Key in keyof Rows & keyof Props as Rows[Key] extends { default: unknown }
    ? KeyFor<To, Rows[Key]>
    : never]: ValueFor<To, Rows[Key], NonNullable<Props[Key]>>;
} & {
  [Key in keyof Rows & keyof Props as Rows[Key] extends { default: unknown }
    ? never
    : KeyFor<To, Rows[Key]>]?: ValueFor<To, Rows[Key], NonNullable<Props[Key]>>;
};

/** A row, whatever its prop is. */
interface AnyRow {
  readonly check: Check;
  readonly default?: unknown;
  readonly setting?: string;
  readonly convert?: (value: never, props: never) => unknown;
  readonly agent?: string;
  readonly fact?: string;
  readonly toFact?: (setting: never) => unknown;
}
type AnyRows = Readonly<Record<string, AnyRow>>;

/** The checks of the rows, by prop. */
export function checksOf(rows: AnyRows): Record<string, Check> {
  return Object.fromEntries(Object.entries(rows).map(([key, { check }]) => [key, check]));
}

/**
 * The settings of props, with each default in its place.
 *
 * @param given the props of these rows
 * @param props all props, from which defaults may follow
 * @param id the construct's
 */
export function settingsFrom<Rows extends AnyRows, Own extends object>(
  rows: Rows,
  given: Own,
  props: object,
  id = '',
): Settings<Rows, Own> {
  const values = new Map<string, unknown>(Object.entries(given));
  const settings = Object.entries(rows).map(([key, row]) => {
    const value = values.get(key) ?? defaultOf(row, props, id);
    const setting = value === undefined || !row.convert ? value : row.convert(value as never, props as never);
    return [row.setting ?? key, setting];
  });
  return Object.fromEntries(settings) as Settings<Rows, Own>;
}

function defaultOf(row: AnyRow, props: object, id: string): unknown {
  return typeof row.default === 'function' ? row.default(props, id) : row.default;
}

/** The settings that the agent or the commands know, by their keys there. Undefined ones are absent. */
export function settingsFor(to: Reader, rows: AnyRows, settings: object): Record<string, unknown> {
  const all = new Map<string, unknown>(Object.entries(settings));
  const known = Object.entries(rows).flatMap(([key, row]) => {
    const name = row[to];
    const setting = all.get(row.setting ?? key);
    const value = to === 'fact' && row.toFact ? row.toFact(setting as never) : setting;
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(known);
}
