/** How long a wait goes on while AWS gives no answer, in milliseconds. */
export const LONGEST_OUTAGE_MS = 60_000;
