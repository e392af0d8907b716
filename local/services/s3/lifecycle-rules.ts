import { AwsError } from '../../front-door/service.ts';

/** One enabled rule ("Lifecycle configuration elements"). Numbers are days, unless stated otherwise. */
export interface LifecycleRule {
  prefix: string;
  /** Objects expire after this number of days, or at this time. */
  expiration?: number | Date;
  /** Delete markers without versions behind them are removed. */
  removesLoneMarkers: boolean;
  /** Versions expire this number of days after they became noncurrent. */
  noncurrentExpiration?: number;
  /** The number of noncurrent versions that are kept, whatever their age. */
  newerNoncurrentVersions: number;
  /** Incomplete multipart uploads are aborted after this number of days. */
  abortion?: number;
}

const MISSING = [
  ...['Transition', 'NoncurrentVersionTransition', 'And', 'Tag'],
  ...['ObjectSizeGreaterThan', 'ObjectSizeLessThan'],
];

/**
 * Reads the rules of a lifecycle configuration.
 *
 * @throws `NotImplemented` that names what is not implemented here
 */
export function readLifecycleRules(document: string): LifecycleRule[] {
  const missing = MISSING.find((name) => new RegExp(`<${name}[ />]`).test(document));
  if (missing !== undefined) {
    const message = `The embedded cloud does not implement ${missing} of a lifecycle rule.`;
    throw new AwsError('NotImplemented', message, 501);
  }
  const rules = [...document.matchAll(/<Rule>(.*?)<\/Rule>/gs)].map(([, rule = '']) => rule);
  return rules.filter((rule) => contentOf(rule, 'Status') === 'Enabled').map(readRule);
}

function readRule(rule: string): LifecycleRule {
  const expiration = contentOf(rule, 'Expiration') ?? '';
  const [days, date] = [contentOf(expiration, 'Days'), contentOf(expiration, 'Date')];
  const noncurrent = contentOf(rule, 'NoncurrentVersionExpiration') ?? '';
  const noncurrentDays = contentOf(noncurrent, 'NoncurrentDays');
  const abortion = contentOf(rule, 'DaysAfterInitiation');
  return {
    prefix: contentOf(rule, 'Prefix') ?? '',
    ...(days !== undefined && { expiration: Number(days) }),
    ...(date !== undefined && { expiration: new Date(date) }),
    removesLoneMarkers: contentOf(expiration, 'ExpiredObjectDeleteMarker') === 'true',
    ...(noncurrentDays !== undefined && { noncurrentExpiration: Number(noncurrentDays) }),
    newerNoncurrentVersions: Number(contentOf(noncurrent, 'NewerNoncurrentVersions') ?? 0),
    ...(abortion !== undefined && { abortion: Number(abortion) }),
  };
}

const contentOf = (xml: string, element: string): string | undefined =>
  new RegExp(`<${element}>(.*?)</${element}>`, 's').exec(xml)?.[1];
