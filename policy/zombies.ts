/** Which instances are to be ended from outside: those that bill, and of which nothing is heard. */

/** How long a boot may take, unless the fleet's prop `bootBudget` says otherwise. */
export const DEFAULT_BOOT_BUDGET_SECONDS = 900;

/** How long an instance that reported may then be silent, unless its interval of reports is long. */
export const DEFAULT_SILENT_SECONDS = 900;

export interface Seen {
  instance: string;
  /** Auto Scaling's state of it. */
  lifecycleState: string;
  launchedAtMs: number;
  /** From its record; undefined if it has none. */
  readyAtMs?: number | undefined;
  heardAtMs?: number | undefined;
}

export interface ZombieRules {
  nowMs: number;
  /** From launch to ready. */
  bootBudgetMs: number;
  /** After it was heard of last. */
  silentMs: number;
}

export interface Zombie {
  instance: string;
  /** `boot-failed`: it never was ready. `agent-crashed`: it was, and is silent now. */
  reason: 'boot-failed' | 'agent-crashed';
  /**
   * `terminate` it; or complete the hook that holds it: nobody on it will, and a wait state can last two days. One
   * in `Pending:Wait` cannot be terminated before it is let through.
   */
  action: 'terminate' | 'complete-launch' | 'complete-termination';
}

export function zombies(instances: readonly Seen[], rules: ZombieRules): Zombie[] {
  return instances.flatMap((seen) => {
    const reason = silent(seen, rules);
    const action = reason && actionFor(seen.lifecycleState);
    return reason && action ? [{ instance: seen.instance, reason, action }] : [];
  });
}

/** An instance is silent when neither its boot nor its last report is recent. */
function silent(seen: Seen, { nowMs, bootBudgetMs, silentMs }: ZombieRules): Zombie['reason'] | undefined {
  if (nowMs - seen.launchedAtMs < bootBudgetMs) return undefined;
  if (seen.heardAtMs !== undefined && nowMs - seen.heardAtMs < silentMs) return undefined;
  return seen.readyAtMs === undefined ? 'boot-failed' : 'agent-crashed';
}

/** States in which AWS is at work already, or an operator has taken the instance aside, are left alone. */
function actionFor(lifecycleState: string): Zombie['action'] | undefined {
  if (lifecycleState === 'Pending:Wait') return 'complete-launch';
  if (lifecycleState === 'Terminating:Wait') return 'complete-termination';
  return lifecycleState === 'InService' || lifecycleState === 'Pending' ? 'terminate' : undefined;
}
