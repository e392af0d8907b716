import { findGroupProblem } from '../../jobs/envelope.ts';
import { WrongOptionError } from '../errors.ts';
import { type Reading, readVariable, type Variables } from './variables.ts';

/** How targets are put into groups. */
export interface GroupingOptions {
  /** Group of all targets: `NAME` or `family/group`. Default: by `groupBy`. */
  group?: string;
  /**
   * One or two variables whose values name the group of a target: its value, or both as `family/group`. Dots lead into
   * dictionaries (`tags.Family`). `inventory_group` is the only group of the inventory that names the host itself and not
   * by a group that it contains. Default: the group that a target has of its own, else `all`.
   */
  groupBy?: readonly string[];
}

/** What says in which group a target is. */
export interface Groupable {
  /** Its own group, as a line of a file states. */
  group?: string;
  variables: Variables;
  /** The groups of the inventory that name the host itself, without `all` and `ungrouped`. */
  inventoryGroups?: readonly string[];
}

/** The group of a target, or what is wrong. */
export type Grouping = (target: Groupable) => Reading;

const INVENTORY_GROUP = 'inventory_group';
const DEFAULT_GROUP = 'all';

/** @throws WrongOptionError if both options are given, a name is not allowed, or there are more than two variables */
export function parseGrouping({ group, groupBy }: GroupingOptions): Grouping {
  if (group !== undefined && groupBy !== undefined) {
    throw new WrongOptionError(
      'Targets have either one group for all (group) or one by variables (groupBy), not both.',
    );
  }
  if (groupBy !== undefined) return groupByVariables(groupBy);
  if (group === undefined) return (target) => checkOwn(target.group ?? DEFAULT_GROUP);
  const problem = findGroupProblem({ group });
  if (problem !== undefined) throw new WrongOptionError(`The option is wrong: ${problem}.`);
  return (target) => refuseOwn(target, `all are to be in ${group}`) ?? { text: group };
}

function groupByVariables(names: readonly string[]): Grouping {
  const [first, second, third] = names;
  if (first === undefined || third !== undefined || names.includes('')) {
    throw new WrongOptionError(
      `Groups are made of one variable or two (family, group), not of ${names.length === 0 ? 'none' : JSON.stringify(names.join(','))}.`,
    );
  }
  const variables = second === undefined ? [first] : [first, second];
  const grouped = `groups are made of ${variables.join(' and ')}`;
  return (target) => refuseOwn(target, grouped) ?? makeName(target, variables);
}

function makeName(target: Groupable, names: readonly string[]): Reading {
  const values: string[] = [];
  for (const name of names) {
    const reading = readGroupVariable(target, name);
    if ('problem' in reading) return { problem: `${reading.problem}, which its group is made of` };
    values.push(reading.text);
  }
  const problem = findGroupProblem({ group: values.join('/') });
  if (problem === undefined) return { text: values.join('/') };
  const sources = names.map((name, at) => `${name} ${JSON.stringify(values[at]?.slice(0, 200))}`);
  return { problem: `has ${sources.join(' and ')}, of which no group can be made: ${problem}` };
}

function readGroupVariable({ variables, inventoryGroups }: Groupable, name: string): Reading {
  if (name !== INVENTORY_GROUP) return readVariable(variables, name);
  const [only, another] = inventoryGroups ?? [];
  if (only === undefined)
    return { problem: `is in no group of the inventory, so it has no ${INVENTORY_GROUP}` };
  if (another === undefined) return { text: only };
  return {
    problem: `is in ${inventoryGroups?.length} groups of the inventory (${inventoryGroups?.join(', ')}), so it has no one ${INVENTORY_GROUP}`,
  };
}

/** Which of the two is meant cannot be known. */
function refuseOwn({ group }: Groupable, instead: string): Reading | undefined {
  return group === undefined ? undefined : { problem: `has a group of its own, ${group}, while ${instead}` };
}

function checkOwn(group: string): Reading {
  const problem = findGroupProblem({ group });
  return problem === undefined ? { text: group } : { problem: `has no group that is allowed: ${problem}` };
}
