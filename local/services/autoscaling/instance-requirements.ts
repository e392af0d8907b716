import { optionalInteger, optionalStructure, optionalText, texts } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';

/** Families whose type `large` has the one size that this cloud accepts ("Amazon EC2 general purpose instances"). */
const FAMILY = /^m[5-8][a-z]*(-flex)?\.\*$/;
const SIZE = { VCpuCount: 2, MemoryMiB: 8192 };

const KNOWN = new Set([
  ...['AllowedInstanceTypes', 'BurstablePerformance', 'VCpuCount', 'MemoryMiB'],
  ...['OnDemandMaxPricePercentageOverLowestPrice', 'SpotMaxPricePercentageOverLowestPrice'],
]);

/**
 * The instance types that requirements allow ("InstanceRequirements"). This cloud has no prices, and every type is
 * available, so the first named type counts as the cheapest.
 *
 * @throws `ValidationError` that names what is not implemented here.
 */
export function typesAllowedBy(requirements: Input): string[] {
  for (const [key, value] of Object.entries(requirements)) {
    if (value !== undefined && !KNOWN.has(key)) throw notImplemented(key);
  }
  for (const [key, only] of Object.entries(SIZE)) {
    const range = optionalStructure(requirements, key);
    if (!range) throw new AwsError('ValidationError', `InstanceRequirements must have ${key}.`);
    const [min, max] = [optionalInteger(range, 'Min'), optionalInteger(range, 'Max')];
    if (min !== only || max !== only) throw notImplemented(`${key} other than ${only}`);
  }
  const families = texts(requirements, 'AllowedInstanceTypes');
  const other = families.find((pattern) => !FAMILY.test(pattern));
  if (other !== undefined) throw notImplemented(`${other} among AllowedInstanceTypes`);
  if (families.length === 0)
    throw notImplemented('the choice among all types, without AllowedInstanceTypes,');
  return families.map((pattern) => pattern.replace('*', 'large'));
}

/** "InstancesDistribution": requirements allow only this strategy. */
export function checkStrategy(distribution: Input): void {
  const strategy = optionalText(distribution, 'OnDemandAllocationStrategy') ?? 'lowest-price';
  if (strategy === 'lowest-price') return;
  throw new AwsError(
    'ValidationError',
    `The OnDemandAllocationStrategy ${strategy} is not valid with InstanceRequirements, which take lowest-price.`,
  );
}

const notImplemented = (what: string): AwsError =>
  new AwsError(
    'ValidationError',
    `InstanceRequirements: ${what} is not implemented here, only families of M with 2 vCPU and 8192 MiB, such as m5.*.`,
  );
