import fc from 'fast-check';

/** A JSON number of any length and notation, with more digits than a double has. */
export const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 40n }).map(String), fc.nat(99).map(String)),
    fc.oneof(fc.constant(''), fc.stringMatching(/^\.[0-9]{1,30}$/)),
    fc.oneof(fc.constant(''), fc.stringMatching(/^[eE][+-]?[0-9]{1,3}$/)),
  )
  .map((parts) => parts.join(''));

/** A JSON string, also with escapes that are not needed. */
export const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 5 }).map((plain) => JSON.stringify(plain).slice(1, -1)),
      fc.constantFrom(
        '\\u0061',
        '\\/',
        '\\u00e4',
        '\\ud83d\\ude00',
        '\\\\',
        '\\"',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
      ),
    ),
    { maxLength: 4 },
  )
  .map((parts) => `"${parts.join('')}"`);

export const blanks = fc.constantFrom('', ' ', '\n', '\t', '\r\n  ');

/** JSON texts of every kind, also such as `JSON.stringify` never writes. */
export const { json, object } = fc.letrec<{ json: string; list: string; object: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    number,
    text,
    fc.constantFrom('true', 'false', 'null'),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(blanks, fc.array(fc.tuple(blanks, tie('json'), blanks), { maxLength: 3 }))
    .map(([inside, items]) => `[${items.map((parts) => parts.join('')).join(',') || inside}]`),
  object: fc
    .tuple(blanks, fc.array(fc.tuple(blanks, text, blanks, tie('json'), blanks), { maxLength: 4 }))
    .map(
      ([inside, members]) =>
        `{${members.map(([a, key, b, value, c]) => `${a}${key}${b}:${value}${c}`).join(',') || inside}}`,
    ),
}));
