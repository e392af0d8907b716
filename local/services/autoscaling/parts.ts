import type { CloudContext } from '../../front-door/service.ts';
import type { Activities } from './activities.ts';
import type { Groups } from './groups.ts';
import type { LifecycleActions } from './lifecycle-actions.ts';
import type { Scaler } from './scaler.ts';

/** What the operations need. */
export interface Parts {
  context: CloudContext;
  groups: Groups;
  activities: Activities;
  lifecycle: LifecycleActions;
  scaler: Scaler;
}
