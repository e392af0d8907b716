import { readFile } from 'node:fs/promises';
import { messageOf } from '../../lib/error-message.ts';
import { BadTargetsError, InventoryError } from '../errors.ts';
import { type AnsibleOutput, type Environment, runAnsible } from './ansible.ts';
import { matchHosts, splitPatterns } from './host-patterns.ts';
import { type Listing, readListing } from './listing.ts';
import type { Candidates } from './target-list.ts';

export interface InventoryOptions {
  /** Which hosts become targets, by Ansible's patterns (`web:!s1`, `~web\d+`, `db[0:2]`, `@file`). Default: all. */
  limit?: string;
  /** Environment of Ansible. Its programs are looked up on its `PATH`. */
  environment: Environment;
}

/** The hosts of an inventory, in the order in which Ansible runs them. */
export interface Inventory extends Candidates {
  /** What Ansible warns of, such as patterns that match nothing. */
  warnings: string[];
}

/** The chosen hosts, in order. */
interface Choice {
  hosts: Iterable<string>;
  warnings: string[];
}

/**
 * Reads an inventory as Ansible reads it: `ansible-inventory --list` has the hosts with their variables, and `ansible
 * --list-hosts` has their order and applies the limit. Both read it anew, a dynamic inventory too. The JSON of
 * `ansible-inventory --list` is read without Ansible: from a file whose name ends in `.json`, and, where Ansible is not on
 * the `PATH`, from any file.
 *
 * @param path what Ansible's `-i` takes
 * @throws InventoryError if it cannot be read
 * @throws BadTargetsError if the limit leaves no host, or cannot be understood
 */
export async function readInventory(
  path: string,
  { limit, environment }: InventoryOptions,
): Promise<Inventory> {
  // Ansible takes the empty path of an unset variable for the working directory, and every file there for an inventory.
  if (path.trim() === '')
    throw new InventoryError('The path of the inventory is empty: is a variable not set?');
  const patterns = limit === undefined ? undefined : await readPatterns(limit);
  const listing = path.endsWith('.json') ? readListing(await readText(path), path) : undefined;
  if (listing !== undefined) return compose(path, listing, chooseHosts(listing, patterns), limit);
  // It fails sooner than the listing: with 100,000 hosts, after 30 seconds instead of three minutes.
  const ordered = await listHosts(path, limit, environment);
  const listed = await runAnsible('ansible-inventory', [`--inventory=${path}`, '--list'], environment);
  const read = readListing(listed?.stdout ?? (await readText(path)), path);
  if (read === undefined) throw new InventoryError(describeUnread(path, listed));
  const choice = ordered ?? chooseHosts(read, patterns);
  const warnings = new Set([...(listed?.warnings ?? []), ...choice.warnings]);
  return compose(path, read, { ...choice, warnings: [...warnings] }, limit);
}

function compose(path: string, listing: Listing, { hosts, warnings }: Choice, limit?: string): Inventory {
  const chosen = new Set(hosts);
  const unknown = [...chosen].filter((host) => !listing.hosts.has(host));
  if (unknown.length > 0) {
    throw new InventoryError(
      `${path} has changed while it was read: ${unknown.slice(0, 10).join(', ')} came meanwhile. Try again.`,
    );
  }
  if (listing.hosts.size === 0) throw new BadTargetsError(`${path} has no hosts.`);
  if (chosen.size === 0) throw new BadTargetsError(describeEmpty(limit, path));
  const groups = listing.groupsByHost();
  const toCandidate = (target: string) => ({
    target,
    isChosen: chosen.has(target),
    variables: listing.variablesOf(target),
    inventoryGroups: groups.get(target) ?? [],
  });
  const candidates = [...new Set([...chosen, ...listing.hosts])].map(toCandidate);
  return { source: path, candidates, warnings };
}

/**
 * The patterns of a limit. Ansible takes a limit without patterns, such as an empty variable of a shell or an empty file of
 * hosts to retry, for no limit.
 */
async function readPatterns(limit: string): Promise<string[]> {
  const read = splitPatterns(limit).map((pattern) =>
    pattern.startsWith('@') ? readPatternFile(pattern.slice(1)) : [pattern],
  );
  const patterns = (await Promise.all(read)).flat();
  if (patterns.length > 0) return patterns;
  throw new BadTargetsError(
    `The limit ${JSON.stringify(limit)} names no hosts: is a variable not set, or a file empty?`,
  );
}

async function readPatternFile(path: string): Promise<string[]> {
  try {
    const text = await readFile(path, 'utf8');
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } catch (error) {
    throw new BadTargetsError(`The limit's file ${path} cannot be read (${messageOf(error)}).`, {
      cause: error,
    });
  }
}

function chooseHosts(listing: Listing, patterns: readonly string[] | undefined): Choice {
  const hosts = listing.hostsOf('all');
  if (patterns === undefined) return { hosts, warnings: [] };
  const matched = matchHosts(listing, patterns);
  return { hosts: hosts.filter((host) => matched.hosts.has(host)), warnings: matched.warnings };
}

const NO_HOSTS_LEFT = 'leaves us with no hosts to target';

async function listHosts(
  path: string,
  limit: string | undefined,
  environment: Environment,
): Promise<Choice | undefined> {
  const limited = limit === undefined ? [] : [`--limit=${limit}`];
  const args = ['all', `--inventory=${path}`, ...limited, '--list-hosts'];
  const output = await runAnsible('ansible', args, environment).catch((error: unknown) => {
    if (!messageOf(error).includes(NO_HOSTS_LEFT)) throw error;
    throw new BadTargetsError(describeEmpty(limit, path), { cause: error });
  });
  if (output === undefined) return undefined;
  // A line with their number comes first.
  const hosts = output.stdout
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
  return { hosts: hosts.filter((host) => host !== ''), warnings: output.warnings };
}

function describeEmpty(limit: string | undefined, path: string): string {
  return limit === undefined
    ? `${path} has no hosts.`
    : `The limit ${JSON.stringify(limit)} leaves no host of ${path}.`;
}

function describeUnread(path: string, listed: AnsibleOutput | undefined): string {
  if (listed !== undefined)
    return `\`ansible-inventory --list\` printed other JSON for ${path} than an inventory's, or none.`;
  return (
    `${path} cannot be read: \`ansible-inventory\` is not on the PATH, and it is not the JSON that \`ansible-inventory --list\` ` +
    'prints. Install Ansible (Debian: ansible-core), or give that JSON.'
  );
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new InventoryError(`${path} cannot be read (${messageOf(error)}).`, { cause: error });
  }
}
