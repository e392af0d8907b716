import type { Metadata } from '../../aws/metadata.ts';

/** What AWS lets an instance know about its future. */
export interface Notices {
  /** Auto Scaling's intent: `InService`, `Terminated`, ... */
  targetState?: string;
  /** When EC2 will interrupt this Spot instance, epoch milliseconds. */
  interruptedAtMs?: number;
  rebalanceRecommended?: boolean;
}

/**
 * Reads the notices once. "Retrieve the target lifecycle state through instance metadata", "Spot Instance
 * interruption notices" and "EC2 instance rebalance recommendations": each path is 404 while there is nothing to say.
 */
export async function readNotices(metadata: Metadata, spot: boolean): Promise<Notices> {
  const [targetState, action, rebalance] = await Promise.all([
    metadata.get('meta-data/autoscaling/target-lifecycle-state'),
    spot ? metadata.get('meta-data/spot/instance-action') : undefined,
    spot ? metadata.get('meta-data/events/recommendations/rebalance') : undefined,
  ]);
  const interruptedAtMs = action === undefined ? undefined : interruptionOf(action);
  return {
    ...(targetState !== undefined && { targetState: targetState.trim() }),
    ...(interruptedAtMs !== undefined && { interruptedAtMs }),
    ...(rebalance !== undefined && { rebalanceRecommended: true }),
  };
}

/** `{"action": "terminate", "time": "2026-01-01T12:00:00Z"}`. A notice that cannot be read is one for right now. */
function interruptionOf(json: string): number {
  try {
    const { time } = JSON.parse(json) as { time?: string };
    const at = Date.parse(time ?? '');
    return Number.isNaN(at) ? 0 : at;
  } catch {
    return 0;
  }
}
