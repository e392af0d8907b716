/** `import { Fleet } from 'mayfly'`: the library behind the command. The CDK construct is `mayfly/cdk`. */

export * from './fleet/errors.ts';
export { type FindOptions, Fleet } from './fleet/fleet.ts';
export type { JobView, LogView, TryView } from './fleet/view.ts';
