/** A time for sentences: ISO 8601 in UTC, without milliseconds. */
export function formatTime(at: number | string): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
