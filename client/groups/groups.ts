import { findGroupProblem } from '../../jobs/envelope.ts';
import { lacksSize, parseLanes } from '../../policy/groups/lanes.ts';
import { type GroupState, isBusy } from '../../policy/groups/state.ts';
import { asOption } from '../as-option.ts';
import { type FleetContext, requireRecords } from '../context.ts';
import { UnknownJobError, WrongOptionError, WrongStateError } from '../errors.ts';
import { withExplainedErrors } from '../explain.ts';
import { createJobIndex } from '../job-records.ts';
import { refuseUnknown } from '../known-options.ts';
import type { GroupView } from '../requests/types.ts';
import { createGroups, groupLimits } from './create.ts';
import type { GroupSettings } from './options.ts';
import { createGroupViews } from './view.ts';

/**
 * The groups of a fleet. A group bounds how many of its jobs run at the same time. It exists from its first job on.
 *
 * Methods reject as those of `Fleet` do, and with `NotTrackedError` if the fleet keeps no job records.
 */
export class FleetGroups {
  readonly #context: FleetContext;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** The groups that have running or held jobs, or are stopped or paused, by name. */
  list(): Promise<GroupView[]> {
    return this.#run('list groups', async (context) => {
      const { items } = createGroups(context);
      const names: string[] = [];
      for await (const name of items.busyNames()) names.push(name);
      const groups = (await items.readMany(names)).filter(isBusy);
      return createGroupViews(
        context,
        groups.toSorted((one, other) => one.name.localeCompare(other.name)),
      );
    });
  }

  /** One group. A group that nobody has used is empty. */
  show(name: string): Promise<GroupView> {
    return this.#run('show groups', async (context) => {
      checkName(name);
      return this.#view(context, await createGroups(context).items.read(name));
    });
  }

  /** Changes the lanes or the size of a group. It holds from the next release on: no running job is stopped. */
  set(name: string, settings: GroupSettings): Promise<GroupView> {
    return this.#run('set groups', (context) => {
      refuseUnknown('groups.set', settings);
      checkName(name);
      const wanted = checkSettings(context, settings);
      return this.#change(context, name, (group) => withSize(name, { ...group, ...wanted }));
    });
  }

  /** Pauses a group: none of its held jobs is released. Running jobs go on. Can be repeated. */
  pause(name: string): Promise<GroupView> {
    return this.#run('pause groups', (context) => {
      checkName(name);
      const nowMs = context.clock.now();
      return this.#change(context, name, (group) => ({ ...group, pausedAtMs: group.pausedAtMs ?? nowMs }));
    });
  }

  /**
   * Ends a pause or a stop of a group. The lanes of jobs whose targets are unhealthy are freed. If a lane becomes unhealthy meanwhile,
   * the group stays stopped for that one. Can be repeated.
   */
  resume(name: string): Promise<GroupView> {
    return this.#run('resume groups', async (context) => {
      checkName(name);
      return this.#view(context, await createGroups(context).resume(name));
    });
  }

  /**
   * Frees the lane of a job whose target stayed unhealthy. If it is the last such job of its group, the group goes on.
   *
   * Rejects with `UnknownJobError`, or with `WrongStateError` if the job's lane is not held for that reason.
   */
  free(id: string): Promise<GroupView> {
    return this.#run('free lanes', async (context) => {
      const record = (await createJobIndex(context).getMany([id])).get(id);
      if (!record) throw new UnknownJobError(id, context.facts.fleet);
      const main = record.stageOf ?? id;
      const { group } = record;
      if (group === undefined) throw new WrongStateError(`Job ${id} has no group, so it has no lane.`);
      const groups = createGroups(context);
      if (!(await groups.free(group, main))) {
        throw new WrongStateError(
          `The lane of job ${main} in group ${group} is not held for an unhealthy target: there is nothing to free. \`mayfly group show ${group}\` says what has its lanes.`,
        );
      }
      return this.#view(context, await groups.items.read(group));
    });
  }

  async #change(
    context: FleetContext,
    name: string,
    change: (group: GroupState) => GroupState,
  ): Promise<GroupView> {
    const group = await createGroups(context).change(name, (now) => ({ group: change(now) }));
    return this.#view(context, group);
  }

  async #view(context: FleetContext, group: GroupState): Promise<GroupView> {
    const [view] = await createGroupViews(context, [group]);
    return view as GroupView;
  }

  #run<T>(verb: string, run: (context: FleetContext) => Promise<T>): Promise<T> {
    return withExplainedErrors(this.#context.facts, async () => {
      requireRecords(this.#context.facts, verb);
      return run(this.#context);
    });
  }
}

function checkName(name: string): void {
  const problem = findGroupProblem({ group: name });
  if (problem !== undefined) throw new WrongOptionError(`There is no such group: ${problem}.`);
}

/** Returns the settings as they are stored. */
function checkSettings(context: FleetContext, { lanes, size }: GroupSettings): GroupSettings {
  if (lanes === undefined && size === undefined) throw new WrongOptionError('Give `lanes`, `size` or both.');
  if (size !== undefined && !(Number.isInteger(size) && size >= 1)) {
    throw new WrongOptionError(`\`size\` is ${size}; allowed is a whole number from 1.`);
  }
  return {
    ...(lanes !== undefined && { lanes: asOption(() => parseLanes(lanes, groupLimits(context).maxLanes)) }),
    ...(size !== undefined && { size }),
  };
}

/** Throws `WrongOptionError` if the lanes are a percentage of a size that nobody has stated. */
function withSize(name: string, group: GroupState): GroupState {
  if (group.lanes === undefined || !lacksSize(group.lanes, group.size)) return group;
  throw new WrongOptionError(
    `The lanes of group ${name} are ${group.lanes} of its size, which nobody has stated. Give \`size\` as well.`,
  );
}
