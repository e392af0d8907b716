/** How AWS bills an instance, and until when what is already billed lasts. All times are milliseconds of age. */

export type Billing = 'per-second' | 'per-hour';

/** "Amazon EC2 On-Demand Pricing": per-second usage has a minimum of 60 seconds. */
export const LEAST_BILLED_MS = 60_000;
export const HOUR_MS = 3_600_000;

/**
 * How an instance is billed: what the owner says, else per second, as Linux, Windows and RHEL are. By the started
 * hour are SUSE and some Marketplace images, which an instance cannot find out about itself.
 */
export function billingOf(setting: 'auto' | Billing): Billing {
  return setting === 'auto' ? 'per-second' : setting;
}

/** The age up to which an instance of this age is already paid for; AWS's hour may be another for tests. */
export function paidUntilMs(ageMs: number, billing: Billing, hourMs = HOUR_MS): number {
  if (billing === 'per-second') return Math.max(ageMs, LEAST_BILLED_MS);
  return (Math.floor(ageMs / hourMs) + 1) * hourMs;
}

/** What an instance that ends at this age is billed for. */
export function billedMs(ageMs: number, billing: Billing, hourMs = HOUR_MS): number {
  if (billing === 'per-second') return Math.max(ageMs, LEAST_BILLED_MS);
  return Math.max(1, Math.ceil(ageMs / hourMs)) * hourMs;
}
