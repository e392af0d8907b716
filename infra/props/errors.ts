/** A prop, fleet name or tag that cannot be deployed. The message names the key, the value and what is allowed. */
export class FleetPropsError extends Error {
  readonly key: string;
  constructor(where: string, key: string, is: string, allowed: string) {
    super(`${where}: ${key} is ${is}; allowed: ${allowed}`);
    this.name = 'FleetPropsError';
    this.key = key;
  }
}

/** A value for a message, in one line. */
export function formatValue(value: unknown): string {
  if (isDuration(value)) return value.toHumanString();
  if (isSize(value)) return showSize(value.toBytes());
  if (typeof value === 'string') return clip(JSON.stringify(value));
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return clip(JSON.stringify(value));
  } catch {
    return `a ${value.constructor.name}`;
  }
}

interface DurationLike {
  toHumanString(): string;
  toSeconds(options?: { integral?: boolean }): number;
  isUnresolved(): boolean;
}

/** Tests the members, as an app may contain a second copy of aws-cdk-lib. */
export function isDuration(value: unknown): value is DurationLike {
  return typeof value === 'object' && value !== null && 'toHumanString' in value && 'toSeconds' in value;
}

const clip = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}...` : text);

/** Tests the members, as above. Bytes, as a Size throws for a unit that it is not a whole number of. */
export function isSize(value: unknown): value is { toBytes(): number } {
  return typeof value === 'object' && value !== null && 'toGibibytes' in value && 'toBytes' in value;
}

function showSize(bytes: number): string {
  const power = [3, 2, 1].find((unit) => bytes >= 1024 ** unit && bytes % 1024 ** unit === 0) ?? 0;
  return `${bytes / 1024 ** power} ${['bytes', 'KiB', 'MiB', 'GiB'][power]}`;
}
