import * as v from 'valibot';
import type { FleetContext } from '../context.ts';

const TIMEOUT_MS = 1000;

const HealthSchema = v.object({ instances: v.picklist(['processes', 'machines']) });

/**
 * What instances are in the embedded cloud. Undefined on AWS, and if the fleet has no set-up, which alone depends on
 * it.
 */
export async function readLocalInstances(
  { facts }: FleetContext,
  endpoint = process.env['AWS_ENDPOINT_URL'],
): Promise<'processes' | 'machines' | undefined> {
  if (!facts.setup || endpoint === undefined) return undefined;
  try {
    const answer = await fetch(new URL('/_mayfly/health', endpoint), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return v.parse(HealthSchema, await answer.json()).instances;
  } catch {
    // Another emulator of AWS, which does not have this path.
    return undefined;
  }
}
