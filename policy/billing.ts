/** How AWS bills an instance, and how long the billed time lasts. All times are milliseconds since launch. */

export type Billing = 'per-second' | 'per-hour';

/** "Amazon EC2 On-Demand Pricing": per-second usage has a minimum of 60 seconds. */
const MIN_BILLED_MS = 60_000;
export const HOUR_MS = 3_600_000;

/**
 * How an instance is billed: as the owner configured, else per second, as Linux, Windows and RHEL are. SUSE and some
 * Marketplace images are billed by the started hour, and an instance cannot detect that.
 */
export function resolveBilling(setting: 'auto' | Billing): Billing {
  return setting === 'auto' ? 'per-second' : setting;
}

/** The age up to which an instance of this age is paid for. Tests pass a shorter hour. */
export function paidUntilMs(ageMs: number, billing: Billing, hourMs = HOUR_MS): number {
  if (billing === 'per-second') return Math.max(ageMs, MIN_BILLED_MS);
  return (Math.floor(ageMs / hourMs) + 1) * hourMs;
}

/** The time that an instance is billed for if it ends at this age. */
export function billedMs(ageMs: number, billing: Billing, hourMs = HOUR_MS): number {
  if (billing === 'per-second') return Math.max(ageMs, MIN_BILLED_MS);
  return Math.max(1, Math.ceil(ageMs / hourMs)) * hourMs;
}
