import { findTargetProblem } from '../../jobs/envelope.ts';
import { BadTargetsError } from '../errors.ts';
import { type Groupable, type GroupingOptions, parseGrouping } from './grouping.ts';
import { Problems } from './problems.ts';
import { parseTemplate, type Template } from './template.ts';
import type { RequestTarget, TargetGroup } from './types.ts';
import { readVariable, type Variables } from './variables.ts';

/** What may become a target: a line of a file, or a host of an inventory. */
export interface Candidate extends Groupable {
  target: string;
  /** False: it only counts for the size of its group, because the limit of the inventory leaves it out. */
  isChosen: boolean;
  /** Line of the file, from 1. */
  line?: number;
}

/** All of a file or of an inventory. */
export interface Candidates {
  /** Its name in messages. */
  source: string;
  /** Those that are chosen are in the order of the request. */
  candidates: readonly Candidate[];
}

/** How a request is made of its targets. */
export interface TargetListOptions extends GroupingOptions {
  /** Template of the body of each job (`parseTemplate`). Default: the target's name. */
  body?: string;
}

/** The targets of a request, checked. */
export interface TargetList {
  /**
   * In the order of their first targets. The size of a group is the number of its servers in the whole inventory, whatever
   * the limit leaves of it; names of one address count once. Of a file it is the number of its targets.
   */
  groups: TargetGroup[];
  /** Number of targets. */
  count: number;
}

/**
 * Puts the targets of a request into groups and makes their bodies.
 *
 * @throws BadTargetsError if there are none, one occurs twice or, in one group, under two names, or the group or the body
 * of one cannot be made of its variables
 * @throws WrongOptionError if an option is wrong, whatever the targets
 */
export function listTargets({ source, candidates }: Candidates, options: TargetListOptions): TargetList {
  const groupOf = parseGrouping(options);
  const bodyOf = options.body === undefined ? nameAsBody : parseTemplate(options.body);
  const count = candidates.reduce((sum, { isChosen }) => sum + (isChosen ? 1 : 0), 0);
  if (count === 0) throw new BadTargetsError(`${source} has no targets.`);
  const problems = new Problems();
  const findNameProblem = createNameCheck();
  const groups = new Map<string, Draft>();
  let index = 0;
  for (const candidate of candidates) {
    const { target, variables, isChosen } = candidate;
    const refuse = (problem: string) => problems.add(`${placeOf(candidate, source)} ${problem}`);
    const group = groupOf(candidate);
    if ('problem' in group) {
      // A host that the limit leaves out can lack what the groups of the others are made of.
      if (isChosen) refuse(group.problem);
      continue;
    }
    const draft = draftOf(groups, group.text);
    const taken = takeAddress(draft, candidate);
    if (!isChosen) continue;
    index += 1;
    const body = bodyOf({ target, group: group.text, index, count, variables });
    const problem = findNameProblem(candidate) ?? taken;
    if (problem !== undefined) refuse(problem);
    if ('problem' in body) refuse(body.problem);
    else draft.targets.push({ target, index, body: body.text });
  }
  problems.throwIfAny(source);
  return { groups: toGroups(groups), count };
}

const nameAsBody: Template = ({ target }) => ({ text: target });

/** A group while its targets are read. */
interface Draft {
  /** The addresses of all its candidates, and which target has one. Undefined: the limit leaves that candidate out. */
  addresses: Map<string, string | undefined>;
  targets: RequestTarget[];
}

function draftOf(groups: Map<string, Draft>, name: string): Draft {
  const known = groups.get(name);
  if (known !== undefined) return known;
  const draft: Draft = { addresses: new Map(), targets: [] };
  groups.set(name, draft);
  return draft;
}

function toGroups(drafts: ReadonlyMap<string, Draft>): TargetGroup[] {
  return [...drafts]
    .filter(([, { targets }]) => targets.length > 0)
    .map(([name, { addresses, targets }]) => ({ name, size: addresses.size, targets }))
    .sort((a, b) => firstOf(a) - firstOf(b));
}

function firstOf({ targets }: TargetGroup): number {
  return targets[0]?.index ?? 0;
}

/** Checks the names of targets, one after another. */
function createNameCheck(): (candidate: Candidate) => string | undefined {
  const seen = new Map<string, Candidate>();
  return (candidate) => {
    const problem = findTargetProblem(candidate.target);
    if (problem !== undefined) return `has no name that is allowed: ${problem}`;
    const earlier = seen.get(candidate.target);
    if (earlier === undefined) seen.set(candidate.target, candidate);
    else
      return earlier.line === undefined ? 'is there twice' : `is there twice, first in line ${earlier.line}`;
    return undefined;
  };
}

/** @returns what is wrong: another target of the group has the address of this one */
function takeAddress({ addresses }: Draft, { target, variables, isChosen }: Candidate): string | undefined {
  const { key, text } = addressOf(target, variables);
  const other = addresses.get(key);
  if (isChosen || !addresses.has(key)) addresses.set(key, isChosen ? target : undefined);
  if (!isChosen || other === undefined || other === target) return undefined;
  return `has the address of ${other} (${text}), and both are in the same group: leave one of them out`;
}

/**
 * Where a target is reached: as Ansible, by `ansible_host` and `ansible_port` if it has them, else by its name and SSH's
 * port. Host names do not differ in case (RFC 4343). A local connection reaches no address, and one that only a play
 * resolves is not known: such a target is compared by its name.
 */
function addressOf(target: string, variables: Variables): { key: string; text: string } {
  const read = (name: string, otherwise: string) => {
    if (!Object.hasOwn(variables, name)) return otherwise;
    const reading = readVariable(variables, name);
    return 'text' in reading ? reading.text : undefined;
  };
  const host = read('ansible_host', target);
  const port = read('ansible_port', '22');
  if (host === undefined || port === undefined || read('ansible_connection', '') === 'local') {
    return { key: `name ${target}`, text: target };
  }
  return { key: `${host.toLowerCase()} ${port}`, text: `${host}, port ${port}` };
}

function placeOf({ target, line }: Candidate, source: string): string {
  return line === undefined ? `${target} of ${source}` : `Line ${line} of ${source}: ${target}`;
}
