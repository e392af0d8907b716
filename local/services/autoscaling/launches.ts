import type { CloudContext } from '../../front-door/service.ts';
import type { Activities } from './activities.ts';
import type { Group, GroupInstance, ScalingActivity, WarmPool } from './group.ts';
import { instanceFrom, type Launch, runInstancesInput } from './launch-request.ts';
import { nextIsSpot } from './selection.ts';

/** After a failed launch AWS tries again, with growing pauses. In time of the cloud. */
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 15 * 60_000;

const DESCRIPTION = 'Launching a new EC2 instance';

export interface LaunchesListener {
  /** EC2 has launched it. */
  launched(group: Group, instance: GroupInstance): void;
  /** The pause after a failed launch is over. */
  resumed(group: Group): void;
}

/** Launches instances through EC2, and pauses after a failed launch. */
export class Launches {
  readonly #context: CloudContext;
  readonly #activities: Activities;
  readonly #listener: LaunchesListener;

  constructor(context: CloudContext, activities: Activities, listener: LaunchesListener) {
    this.#context = context;
    this.#activities = activities;
    this.#listener = listener;
  }

  /** Creates the activity of a launch, or of a draw from the warm pool. */
  activity(group: Group, cause: string, zone: string): ScalingActivity {
    return this.#activities.start(group, DESCRIPTION, cause, 'PreInService', { 'Availability Zone': zone });
  }

  /**
   * Launches an instance into the group or its warm pool. Never rejects: a failed launch becomes a failed activity, and
   * is tried again later.
   */
  async launch(group: Group, cause: string, where: Omit<Launch, 'activity'>): Promise<void> {
    const { zone, pool } = where;
    const activity = this.activity(group, cause, zone);
    const { requested } = pool ?? group;
    // "Warm pools", limitations: a warm pool cannot have Spot Instances.
    const request = { zone, spot: !pool && nextIsSpot(group) };
    requested.add(request);
    try {
      const answer = await this.#context.call('ec2', 'RunInstances', runInstancesInput(group, request));
      requested.delete(request);
      group.launchFailures = 0;
      const launch = { activity, ...where };
      this.#listener.launched(group, instanceFrom(answer, launch, group, this.#context.clock.now()));
    } catch (error) {
      requested.delete(request);
      const reason = `${error instanceof Error ? error.message : error}. Launching EC2 instance failed.`;
      activity.description = `${DESCRIPTION}${intoPool(pool)}.  Status Reason: ${reason}`;
      this.#activities.end(activity, 'Failed', reason);
      this.pause(group);
    }
  }

  /** Pauses launches. Each pause is longer than the one before. */
  pause(group: Group): void {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** group.launchFailures, LONGEST_PAUSE_MS);
    group.launchFailures += 1;
    group.launchPause?.();
    group.launchPause = this.#context.clock.after(pause, () => {
      group.launchPause = undefined;
      this.#listener.resumed(group);
    });
  }
}

function intoPool(pool: WarmPool | undefined): string {
  return pool ? ' into warm pool' : '';
}
