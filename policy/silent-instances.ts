/** Which instances the keeper ends: those that do not report and still cost money. */

/** How long a boot may take, unless the fleet's prop `bootBudget` says otherwise. */
export const DEFAULT_BOOT_BUDGET_SECONDS = 900;

/** How long an instance that reported may then be silent, unless its interval of reports is long. */
export const DEFAULT_SILENT_SECONDS = 900;

export interface InstanceReport {
  instance: string;
  /** Its lifecycle state in Auto Scaling. */
  lifecycleState: string;
  launchedAtMs: number;
  /** From its record. Undefined: it has none. */
  readyAtMs?: number | undefined;
  reportedAtMs?: number | undefined;
}

export interface SilenceRules {
  nowMs: number;
  /** The longest time from launch to ready. */
  bootBudgetMs: number;
  /** The longest time since its last report. */
  silentMs: number;
}

export interface SilentInstance {
  instance: string;
  /** `boot-failed`: it was never ready. `agent-crashed`: it was ready, and does not report any more. */
  reason: 'boot-failed' | 'agent-crashed';
  /**
   * `terminate` it, or complete the lifecycle hook that holds it. Its agent does not, and a wait state can last two
   * days. An instance in `Pending:Wait` cannot be terminated before its hook is completed.
   */
  action: 'terminate' | 'complete-launch' | 'complete-termination';
}

export function findSilentInstances(
  instances: readonly InstanceReport[],
  rules: SilenceRules,
): SilentInstance[] {
  return instances.flatMap((seen) => {
    const reason = silent(seen, rules);
    const action = reason && actionFor(seen.lifecycleState);
    return reason && action ? [{ instance: seen.instance, reason, action }] : [];
  });
}

/** An instance is silent if neither its launch nor its last report is recent. */
function silent(
  seen: InstanceReport,
  { nowMs, bootBudgetMs, silentMs }: SilenceRules,
): SilentInstance['reason'] | undefined {
  if (nowMs - seen.launchedAtMs < bootBudgetMs) return undefined;
  if (seen.reportedAtMs !== undefined && nowMs - seen.reportedAtMs < silentMs) return undefined;
  return seen.readyAtMs === undefined ? 'boot-failed' : 'agent-crashed';
}

/** Undefined in states in which AWS already acts, or in which an operator has put the instance on standby. */
function actionFor(lifecycleState: string): SilentInstance['action'] | undefined {
  if (lifecycleState === 'Pending:Wait') return 'complete-launch';
  if (lifecycleState === 'Terminating:Wait') return 'complete-termination';
  return lifecycleState === 'InService' || lifecycleState === 'Pending' ? 'terminate' : undefined;
}
