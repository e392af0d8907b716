import { readMemberTexts } from '../../jobs/json-text.ts';
import type { SecretConfig } from '../config/secret-config.ts';

/** A secret was read, but workers cannot get it as the props say. The message never has a part of the value. */
export class SecretValueError extends Error {
  override readonly name = 'SecretValueError';
}

/**
 * What a worker gets of the text of a secret.
 *
 * @throws SecretValueError
 */
export function pickValue(text: string, { field, file }: Pick<SecretConfig, 'field' | 'file'>): string {
  const value = field === undefined ? text : pickField(text, field);
  if (!value.isWellFormed()) throw new SecretValueError('its value is not valid Unicode');
  if (file !== true && value.includes('\0')) {
    throw new SecretValueError(
      'its value has a NUL character, which no environment variable can have; the option file passes it as a file',
    );
  }
  return value;
}

function pickField(text: string, field: string): string {
  const name = JSON.stringify(field);
  const object = parseObject(text);
  if (!object) throw new SecretValueError(`its value is not a JSON object, so that it has no field ${name}`);
  if (!Object.hasOwn(object, field)) throw new SecretValueError(`its value has no field ${name}`);
  const value = object[field];
  if (typeof value === 'string') return value;
  const asWritten = readMemberTexts(text).get(field);
  if ((typeof value === 'number' || typeof value === 'boolean') && asWritten !== undefined) return asWritten;
  throw new SecretValueError(`its value has no text, number or boolean in the field ${name}`);
}

/** The error of `JSON.parse` quotes the text, so it is dropped. */
function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
