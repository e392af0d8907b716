/** A prop, fleet name or tag that cannot be deployed. Says which, what it is and what is allowed. */
export class FleetPropsError extends Error {
  readonly key: string;
  constructor(where: string, key: string, is: string, allowed: string) {
    super(`${where}: ${key} is ${is}; allowed: ${allowed}`);
    this.name = 'FleetPropsError';
    this.key = key;
  }
}

/** A value as its owner would recognise it, in one line. */
export function show(value: unknown): string {
  if (isDuration(value)) return value.toHumanString();
  if (isSize(value)) return `${value.toGibibytes()} GiB`;
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

/** By shape: an app may hold a second copy of aws-cdk-lib. */
export function isDuration(value: unknown): value is DurationLike {
  return typeof value === 'object' && value !== null && 'toHumanString' in value && 'toSeconds' in value;
}

const clip = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}...` : text);

export function isSize(value: unknown): value is { toGibibytes(): number } {
  return typeof value === 'object' && value !== null && 'toGibibytes' in value;
}
