import * as v from 'valibot';
import { InventoryError } from '../errors.ts';
import { parseHostVariables, type Variables } from './variables.ts';

const Dictionary = v.custom<Variables>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'an object',
);
const Names = v.optional(v.array(v.string('a name'), 'a list of names'), []);
const Group = v.pipe(Dictionary, v.object({ hosts: Names, children: Names, vars: v.optional(v.unknown()) }));
const HostVariables = v.pipe(Dictionary, v.record(v.string(), Dictionary));
const Meta = v.pipe(Dictionary, v.object({ hostvars: HostVariables }, 'an object with hostvars'));

interface ListedGroup {
  hosts: readonly string[];
  children: readonly string[];
}

/**
 * What `ansible-inventory --list` prints. It keeps the order of the hosts and children of each group, but not that of the
 * hosts that `all` has directly.
 */
export class Listing {
  readonly #groups: ReadonlyMap<string, ListedGroup>;
  readonly #variables: Readonly<Record<string, Variables>>;
  readonly #hostsOf = new Map<string, readonly string[]>();
  /** All hosts, in the order in which they are first named. */
  readonly hosts: ReadonlySet<string>;

  constructor(groups: ReadonlyMap<string, ListedGroup>, variables: Readonly<Record<string, Variables>>) {
    this.#groups = completeGroups(groups);
    this.#variables = variables;
    this.hosts = new Set([...groups.values()].flatMap(({ hosts }) => hosts));
  }

  get groups(): IterableIterator<string> {
    return this.#groups.keys();
  }

  /** The variables of a host, those of its groups included. */
  variablesOf(host: string): Variables {
    return Object.hasOwn(this.#variables, host) ? (this.#variables[host] ?? {}) : {};
  }

  /** The hosts of a group and of the groups in it, in Ansible's order: level by level (`Group.get_hosts`). */
  hostsOf(group: string): readonly string[] {
    const known = this.#hostsOf.get(group);
    if (known !== undefined) return known;
    const groups = new Set([group]);
    // A set yields what is added while it is read.
    for (const name of groups) for (const child of this.#groups.get(name)?.children ?? []) groups.add(child);
    const hosts = [...new Set([...groups].flatMap((name) => this.#groups.get(name)?.hosts ?? []))];
    this.#hostsOf.set(group, hosts);
    return hosts;
  }

  /** The groups that name a host themselves, without `all` and `ungrouped`. */
  groupsByHost(): ReadonlyMap<string, readonly string[]> {
    const byHost = new Map<string, string[]>();
    for (const [name, { hosts }] of this.#groups) {
      if (name === 'all' || name === 'ungrouped') continue;
      for (const host of hosts) {
        const groups = byHost.get(host);
        if (groups === undefined) byHost.set(host, [name]);
        else groups.push(name);
      }
    }
    return byHost;
  }
}

/**
 * Reads the JSON that `ansible-inventory --list` prints.
 *
 * @returns undefined if it is other JSON or none: it has no `_meta`
 * @throws InventoryError if it has parts that `ansible-inventory --list` does not write
 */
export function readListing(json: string, source: string): Listing | undefined {
  const value = parse(json);
  if (typeof value !== 'object' || value === null || !('_meta' in value)) return undefined;
  const { _meta, ...groups } = value as Record<string, unknown>;
  const { hostvars } = check(Meta, _meta, '_meta', source);
  const read = Object.entries(groups).map(([name, group]) => [name, readGroup(group, name, source)] as const);
  return new Listing(new Map(read), hostvars);
}

function parse(json: string): unknown {
  try {
    return parseHostVariables(json);
  } catch {
    return undefined;
  }
}

function readGroup(value: unknown, name: string, source: string): ListedGroup {
  const { hosts, children, vars } = check(Group, value, name, source);
  if (vars === undefined) return { hosts, children };
  throw new InventoryError(
    `${source} has variables of the group ${name}: it is of \`ansible-inventory --export\` or of an inventory script, whose ` +
      'hosts lack the variables of their groups. Make it with `ansible-inventory --list`.',
  );
}

function check<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  key: string,
  source: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = [key, v.getDotPath(issue)].filter(Boolean).join('.');
  throw new InventoryError(
    `${source} is not what \`ansible-inventory --list\` prints: ${path} is ${JSON.stringify(issue.input)?.slice(0, 100)}; ` +
      `allowed is ${issue.message}.`,
  );
}

/** Ansible adds the groups `all` and `ungrouped`, those that are only named, and those of no group to `all`. */
function completeGroups(read: ReadonlyMap<string, ListedGroup>): Map<string, ListedGroup> {
  const groups = new Map<string, ListedGroup>();
  const add = (name: string) => groups.set(name, read.get(name) ?? { hosts: [], children: [] });
  for (const name of ['all', 'ungrouped']) add(name);
  for (const [name, { children }] of read)
    for (const one of [name, ...children]) if (!groups.has(one)) add(one);
  const inner = new Set([...groups.values()].flatMap(({ children }) => children));
  const all = groups.get('all') ?? { hosts: [], children: [] };
  const top = [...groups.keys()].filter((name) => name !== 'all' && !inner.has(name));
  const [ungrouped, others] = [
    top.filter((name) => name === 'ungrouped'),
    top.filter((name) => name !== 'ungrouped'),
  ];
  groups.set('all', { hosts: all.hosts, children: [...ungrouped, ...all.children, ...others] });
  return groups;
}
