// In a checkout the source runs as it is; the published package has what was built of it. Node strips no types there.
import { existsSync } from 'node:fs';

const isCheckout = existsSync(new URL('./index.ts', import.meta.url));

export const { createMachineLauncher, startCloud } = await import(
  isCheckout ? './index.ts' : './dist/index.js'
);
