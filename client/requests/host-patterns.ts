import { isIPv6 } from 'node:net';
import { messageOf } from '../../lib/error-message.ts';
import { BadTargetsError } from '../errors.ts';
import type { Listing } from './listing.ts';

/**
 * Patterns of hosts, by the rules of Ansible's `InventoryManager` ("Patterns: targeting hosts and groups"), for an inventory
 * that is read without Ansible.
 */

/** Splits a limit into its patterns: at commas, else at colons that are neither of an IPv6 address nor of a range. */
export function splitPatterns(limit: string): string[] {
  const patterns = limit.includes(',')
    ? limit.split(',')
    : isAddress(limit)
      ? [limit]
      : limit.match(BETWEEN_COLONS);
  return (patterns ?? []).map((pattern) => pattern.trim()).filter((pattern) => pattern !== '');
}

const BETWEEN_COLONS = /(?:[^\s:[\]]|\[[^\]]*\])+/g;

/** The hosts that patterns match, and warnings about patterns that match none, as Ansible gives. */
export interface MatchedHosts {
  hosts: ReadonlySet<string>;
  warnings: string[];
}

/**
 * The hosts that match: those of any plain pattern (of all, if there is none), of these those of each `&` pattern, and of
 * these none of a `!` pattern. The order of the patterns does not matter.
 *
 * @throws BadTargetsError that names a pattern that cannot be understood
 */
export function matchHosts(listing: Listing, patterns: readonly string[]): MatchedHosts {
  const warnings: string[] = [];
  const warn = (pattern: string, matched: readonly string[]) => {
    if (matched.length === 0) warnings.push(`Could not match supplied host pattern, ignoring: ${pattern}`);
    return matched;
  };
  // A plain pattern that is the name of a host means the host, where a group has this name too.
  const match = (pattern: string) =>
    listing.hosts.has(pattern) ? [pattern] : warn(pattern, matchOne(listing, pattern));
  const matchSigned = (sign: string) =>
    patterns
      .filter((pattern) => pattern.startsWith(sign))
      .map((pattern) => new Set(warn(pattern, matchOne(listing, pattern.slice(1)))));
  const plain = patterns.filter((pattern) => !/^[&!]/.test(pattern));
  const any = new Set((plain.length === 0 ? ['all'] : plain).flatMap(match));
  const every = matchSigned('&');
  const none = matchSigned('!');
  const hosts = [...any].filter(
    (host) => every.every((set) => set.has(host)) && !none.some((set) => set.has(host)),
  );
  return { hosts: new Set(hosts), warnings };
}

/** A host name, an IPv4 or an IPv6 address, which can have ranges (`web[1:3]`) and a port. */
function isAddress(text: string): boolean {
  const address =
    /^\[(.+)\]:\d+$/.exec(text)?.[1] ?? /^((?:[^:[\]]|\[[^\]]*\])*):\d+$/.exec(text)?.[1] ?? text;
  return HOST_NAME.test(address) || isIPv6(address.replace(HEX_RANGE, '0'));
}

const HEX_RANGE = /\[[0-9a-f]+:[0-9a-f]+(?::\d+)?\]/gi;
const RANGE = String.raw`\[(?:[a-z]:[a-z]|\d+:\d+)(?::\d+)?\]`;
const LETTER = String.raw`[\p{L}\p{N}_]`;
const LABEL = `(?:${LETTER}|${RANGE})(?:${LETTER}|-|${RANGE})*(?<![_-])`;
const HOST_NAME = new RegExp(String.raw`^${LABEL}(?:\.${LABEL})*$`, 'iu');

function matchOne(listing: Listing, pattern: string): readonly string[] {
  if (pattern === '') throw new BadTargetsError('The limit has a ! or & without a pattern.');
  const [expression, subscript] = splitSubscript(pattern);
  const matched = findMatches(listing, expression);
  if (matched.length === 0 || subscript === undefined) return matched;
  if ('from' in subscript) return matched.slice(subscript.from, (subscript.to ?? matched.length) + 1);
  const one = matched.at(subscript.at);
  if (one === undefined) {
    throw new BadTargetsError(
      `The limit's ${JSON.stringify(pattern)} matches no host: ${expression} has ${matched.length}.`,
    );
  }
  return [one];
}

type Subscript = { at: number } | { from: number; to?: number };

/** `web[0]`, `web[-1]`, `web[0:2]` and `web[2:]`, counted from 0, both ends included. A regular expression has none. */
function splitSubscript(pattern: string): [string, Subscript | undefined] {
  const [, expression, single, from, to] = /^(.+)\[(?:(-?\d+)|(\d+)[:-](\d*))\]$/.exec(pattern) ?? [];
  if (expression === undefined || pattern.startsWith('~')) return [pattern, undefined];
  if (single !== undefined) return [expression, { at: Number(single) }];
  // Ansible takes an end of 0 for none.
  if (Number(to) === 0 && to !== '') return [expression, { at: Number(from) }];
  return [expression, { from: Number(from), ...(to !== '' && { to: Number(to) }) }];
}

/** The hosts of the groups that match, and, if none does or the expression is a wildcard, the hosts that match. */
function findMatches(listing: Listing, expression: string): string[] {
  const matcher = toMatcher(expression);
  const groups = [...listing.groups].filter((name) => matcher.test(name));
  const hosts = groups.flatMap((name) => listing.hostsOf(name));
  if (groups.length > 0 && !/^~|[.?*[]/.test(expression)) return hosts;
  return [...hosts, ...[...listing.hosts].filter((name) => matcher.test(name))];
}

function toMatcher(expression: string): RegExp {
  try {
    if (expression.startsWith('~')) return new RegExp(`^(?:${expression.slice(1)})`, 'u');
    return new RegExp(`^${expression.replace(WILDCARD, toExpression)}$`, 'su');
  } catch (error) {
    throw new BadTargetsError(
      `The limit's ${JSON.stringify(expression)} cannot be understood without Ansible on the PATH (${messageOf(error)}).`,
    );
  }
}

/** A class of characters, or one character. */
const WILDCARD = /\[(?:!.|[^!])[^\]]*\]|./gsu;

/** As Python's `fnmatch`: `*`, `?`, `[abc]`, `[!abc]`. */
function toExpression(part: string): string {
  if (part === '*') return '.*';
  if (part === '?') return '.';
  if (part.length === 1 || !part.startsWith('[')) return part.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
  const characters = part.slice(1, -1).replace(/[\\^[\]]/g, '\\$&');
  return part.startsWith('[!') ? `[^${characters.slice(1)}]` : `[${characters}]`;
}
