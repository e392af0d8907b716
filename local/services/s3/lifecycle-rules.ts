import { AwsError } from '../../front-door/service.ts';

/** One rule that is enabled ("Lifecycle configuration elements"). Numbers are days, unless said otherwise. */
export interface LifecycleRule {
  prefix: string;
  /** Objects expire so many days after they were written, or at this time. */
  expiration?: number | Date;
  /** Delete markers go that have no version behind them any more. */
  removesLoneMarkers: boolean;
  /** Versions go so many days after another one has taken their place. */
  noncurrentExpiration?: number;
  /** How many of these are kept however old they are. */
  newerNoncurrentVersions: number;
  /** Uploads in parts that are not complete after so many days are aborted. */
  abortion?: number;
}

const MISSING = [
  ...['Transition', 'NoncurrentVersionTransition', 'And', 'Tag'],
  ...['ObjectSizeGreaterThan', 'ObjectSizeLessThan'],
];

/**
 * The rules of a lifecycle configuration.
 *
 * @throws `NotImplemented` that names what rules do not do here
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
