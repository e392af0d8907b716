/** A moment as sentences have it: to the second, in UTC. Data has milliseconds. */
export function moment(at: number | string): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
