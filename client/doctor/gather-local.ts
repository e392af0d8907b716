import * as v from 'valibot';
import type { FleetContext } from '../context.ts';

const LONGEST_MS = 1000;

const HealthSchema = v.object({ instances: v.picklist(['processes', 'machines']) });

/** What instances are in the embedded cloud; undefined on AWS, and where no set-up of an owner depends on it. */
export async function lookAtLocal(
  { facts }: FleetContext,
  endpoint = process.env['AWS_ENDPOINT_URL'],
): Promise<'processes' | 'machines' | undefined> {
  if (!facts.setup || endpoint === undefined) return undefined;
  try {
    const answer = await fetch(new URL('/_mayfly/health', endpoint), {
      signal: AbortSignal.timeout(LONGEST_MS),
    });
    return v.parse(HealthSchema, await answer.json()).instances;
  } catch {
    // Another stand-in for AWS, which knows no such path.
    return undefined;
  }
}
