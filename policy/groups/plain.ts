import { type GroupState, MOST_PLAIN, MOST_WAITING, type PlainJob } from './state.ts';

/** Whether new plain jobs fit into the group's item. Else they go to an item of their own, at `plain.tail`. */
export function hasRoomForPlain({ plain }: GroupState, count: number): boolean {
  return plain.head === plain.tail && plain.jobs.length + count <= MOST_PLAIN;
}

/** Adds plain jobs behind the others. Those that are there already, because a call is repeated, stay where they are. */
export function addPlain(group: GroupState, jobs: readonly PlainJob[]): GroupState {
  const { plain, out } = group;
  const known = new Set([...Object.keys(out), ...plain.jobs.map(({ id }) => id)]);
  const added = jobs.filter(({ id }) => !known.has(id));
  return { ...group, plain: { ...plain, jobs: [...plain.jobs, ...added] } };
}

/** An item with plain jobs has been written at the tail. */
export function addStoredPlain(group: GroupState, jobs: number): GroupState {
  const { plain } = group;
  return { ...group, plain: { ...plain, tail: plain.tail + 1, stored: plain.stored + jobs } };
}

/** The first plain job that may run. A job whose target is busy passes its turn on. */
export function firstReadyPlain({ plain, out }: GroupState): PlainJob | undefined {
  const busy = new Set(Object.values(out).map(({ target }) => target));
  return plain.jobs.find(
    ({ id, target, waits }) => !waits && !(id in out) && (target === undefined || !busy.has(target)),
  );
}

/** Whether the next item has to be read: none of the jobs in the group's own item may run. */
export function needsStoredPlain(group: GroupState): boolean {
  const { plain } = group;
  if (plain.head >= plain.tail || plain.jobs.length >= MOST_WAITING) return false;
  return firstReadyPlain(group) === undefined;
}

/** The jobs of the item at the head come into the group's own. */
export function takeStoredPlain(group: GroupState, jobs: readonly PlainJob[]): GroupState {
  const { plain } = group;
  const stored = Math.max(0, plain.stored - jobs.length);
  return { ...group, plain: { ...plain, head: plain.head + 1, stored, jobs: [...plain.jobs, ...jobs] } };
}
