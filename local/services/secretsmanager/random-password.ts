import { randomInt } from 'node:crypto';
import { optionalBoolean, optionalInteger, optionalText } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';

const LOWERCASE = 'abcdefghijklmnopqrstuvwxyz';
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const DEFAULT_LENGTH = 32;
const LONGEST = 4096;

/** "GetRandomPassword". */
export function drawPassword(input: Input): string {
  const length = optionalInteger(input, 'PasswordLength', { min: 1, max: LONGEST }) ?? DEFAULT_LENGTH;
  const types = characterTypes(input);
  if (types.length === 0) {
    throw new AwsError('InvalidParameterException', 'The password must have at least one type of character.');
  }
  // Without the switch "the password contains at least one of every character type".
  const required = (optionalBoolean(input, 'RequireEachIncludedType') ?? true) ? types : [];
  if (length < required.length) {
    const message = `A password of ${length} characters cannot have ${required.length} types of characters.`;
    throw new AwsError('InvalidParameterException', message);
  }
  const any = types.join('');
  const rest = Array.from({ length: length - required.length }, () => any);
  return shuffle([...required, ...rest].map(drawFrom)).join('');
}

function characterTypes(input: Input): string[] {
  const included = [
    optionalBoolean(input, 'ExcludeLowercase') ? '' : LOWERCASE,
    optionalBoolean(input, 'ExcludeUppercase') ? '' : LOWERCASE.toUpperCase(),
    optionalBoolean(input, 'ExcludeNumbers') ? '' : '0123456789',
    optionalBoolean(input, 'ExcludePunctuation') ? '' : PUNCTUATION,
    optionalBoolean(input, 'IncludeSpace') ? ' ' : '',
  ];
  const excluded = optionalText(input, 'ExcludeCharacters') ?? '';
  const without = (type: string) => [...type].filter((one) => !excluded.includes(one)).join('');
  return included.map(without).filter((type) => type !== '');
}

const drawFrom = (characters: string): string => characters[randomInt(characters.length)] ?? '';

/** Fisher and Yates. */
function shuffle(characters: string[]): string[] {
  for (let last = characters.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    const moved = characters[last] ?? '';
    characters[last] = characters[other] ?? '';
    characters[other] = moved;
  }
  return characters;
}
