import { validationError } from '../errors.ts';
import { cidrBlocks } from './cidr.ts';
import { isRecord } from './parse.ts';

/** Stands in a change set for a value that is known only after the deployment. */
export const UNKNOWN_VALUE = '{{changeSet:KNOWN_AFTER_APPLY}}';

/** Whether the value, or a part of it, is known only after the deployment. */
export function isUnknown(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(UNKNOWN_VALUE);
  if (Array.isArray(value)) return value.some(isUnknown);
  return isRecord(value) && Object.values(value).some(isUnknown);
}

/** The functions that need only their resolved argument. */
export const PLAIN_FUNCTIONS: Record<string, (argument: unknown) => unknown> = {
  'Fn::Base64': (text) => {
    if (!isScalarValue(text)) throw wrong('Fn::Base64', 'one string');
    return Buffer.from(String(text), 'utf8').toString('base64');
  },
  'Fn::Cidr': (argument) => {
    const [block, count, bits] = Array.isArray(argument) ? argument : [];
    if (typeof block !== 'string')
      throw wrong('Fn::Cidr', 'an IP block, a count and, if wanted, a number of bits');
    return cidrBlocks(block, Number(count), bits === undefined ? undefined : Number(bits));
  },
  'Fn::Join': (argument) => {
    const [delimiter, items] = pair('Fn::Join', argument, 'a string delimiter and a list of strings');
    if (typeof delimiter !== 'string' || !(Array.isArray(items) || isUnknown(items))) {
      throw wrong('Fn::Join', 'a string delimiter and a list of strings');
    }
    return Array.isArray(items) ? items.map(joined).join(delimiter) : UNKNOWN_VALUE;
  },
  'Fn::Select': (argument) => {
    const [index, items] = pair('Fn::Select', argument, 'an index and a list');
    if (!Array.isArray(items)) throw wrong('Fn::Select', 'an index and a list');
    const item = /^\d+$/.test(String(index)) ? items[Number(index)] : undefined;
    if (item !== undefined) return item;
    throw validationError(
      `Template error: Fn::Select cannot select nonexistent value at index ${String(index)}`,
    );
  },
  'Fn::Split': (argument) => {
    const [delimiter, text] = pair('Fn::Split', argument, 'a string delimiter and a string');
    if (typeof delimiter !== 'string' || typeof text !== 'string') {
      throw wrong('Fn::Split', 'a string delimiter and a string');
    }
    return text.split(delimiter);
  },
  'Fn::Length': (items) => {
    if (!Array.isArray(items)) throw wrong('Fn::Length', 'a list');
    return items.length;
  },
  'Fn::ToJsonString': (value) => JSON.stringify(value),
};

function joined(item: unknown): string {
  if (isScalarValue(item)) return String(item);
  throw wrong('Fn::Join', 'a string delimiter and a list of strings');
}

function isScalarValue(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function pair(name: string, argument: unknown, expected: string): [unknown, unknown] {
  if (!Array.isArray(argument) || argument.length !== 2) throw wrong(name, expected);
  return [argument[0], argument[1]];
}

function wrong(name: string, expected: string): Error {
  return validationError(`Template error: every ${name} object requires ${expected}`);
}
