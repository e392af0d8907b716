/** `import { startCloud } from 'mayfly-local'`: the embedded cloud. What is exported here, `index.js` exports as well. */

export { type Cloud, type CloudOptions, type CloudRegion, startCloud } from './cloud.ts';
export type { CallRecord } from './front-door/call-log.ts';
export type { Launcher } from './instances/launcher.ts';
export type { Release } from './machines/images.ts';
export {
  createMachineLauncher,
  type MachineLauncher,
  type MachineLauncherOptions,
} from './machines/machine-launcher.ts';
