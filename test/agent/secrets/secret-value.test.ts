import { expect, test } from 'vitest';
import { pickValue, SecretValueError } from '../../../agent/secrets/secret-value.ts';

test.each<[what: string, text: string, how: Parameters<typeof pickValue>[1], value: string]>([
  ['the whole text', ' pass word\n', {}, ' pass word\n'],
  ['JSON as it is, without a field', '{"a": 1}', {}, '{"a": 1}'],
  ['a field', '{"username": "u", "password": "p\\n"}', { field: 'password' }, 'p\n'],
  ['an empty field', '{"password": ""}', { field: 'password' }, ''],
  ['the last of two fields of a name', '{"a": "1", "a": "2"}', { field: 'a' }, '2'],
  ['a number, as it is written', '{"port": 5432.0}', { field: 'port' }, '5432.0'],
  [
    'a number of more digits than JavaScript has',
    '{"id": 12345678901234567890}',
    { field: 'id' },
    '12345678901234567890',
  ],
  ['a boolean', '{"tls": true}', { field: 'tls' }, 'true'],
  ['a field of a name that objects have', '{"toString": "x"}', { field: 'toString' }, 'x'],
  ['text beyond ASCII', 'pä\u{1F511}', {}, 'pä\u{1F511}'],
  ['a NUL in a file', 'a\0b', { file: true }, 'a\0b'],
])('a worker gets %s', (_, text, how, value) => {
  expect(pickValue(text, how)).toBe(value);
});

/** A part of each text that is refused. */
const VALUE = 'hunter2';

test.each<[what: string, text: string, how: Parameters<typeof pickValue>[1], message: string]>([
  [
    'a text where an object is needed',
    VALUE,
    { field: 'a' },
    'its value is not a JSON object, so that it has no field "a"',
  ],
  ['JSON that is cut off', `{"a": "${VALUE}`, { field: 'a' }, 'its value is not a JSON object'],
  ['a list', `["${VALUE}"]`, { field: '0' }, 'its value is not a JSON object'],
  ['null', 'null', { field: 'a' }, 'its value is not a JSON object'],
  ['a missing field', `{"a": "${VALUE}"}`, { field: 'b' }, 'its value has no field "b"'],
  [
    'a field that only the prototype has',
    `{"a": "${VALUE}"}`,
    { field: 'toString' },
    'its value has no field "toString"',
  ],
  [
    'an object',
    `{"a": {"b": "${VALUE}"}}`,
    { field: 'a' },
    'its value has no text, number or boolean in the field "a"',
  ],
  [
    'null in a field',
    '{"a": null}',
    { field: 'a' },
    'its value has no text, number or boolean in the field "a"',
  ],
  [
    'a NUL in a variable',
    `${VALUE}\0`,
    {},
    'its value has a NUL character, which no environment variable can have',
  ],
  ['a NUL in a field', `{"a": "${VALUE}\\u0000"}`, { field: 'a' }, 'its value has a NUL character'],
  [
    'half a character',
    `{"a": "${VALUE}\\ud800"}`,
    { field: 'a', file: true },
    'its value is not valid Unicode',
  ],
])('%s is refused, without the value', (_, text, how, message) => {
  const pick = () => pickValue(text, how);
  expect(pick).toThrow(SecretValueError);
  expect(pick).toThrow(message);
  expect(pick).not.toThrow(VALUE);
});
