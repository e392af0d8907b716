import { isStructure } from '../../front-door/read.ts';
import { AwsError } from '../../front-door/service.ts';
import { checkCharacters } from './body-text.ts';

/** "Amazon SQS message quotas". */
const MOST_ATTRIBUTES = 10;
/** "Amazon SQS message metadata": the maximum length of a name and of a data type. */
const LONGEST_NAME = 256;

/**
 * Refuses message attributes that AWS refuses ("Amazon SQS message metadata", "MessageAttributeValue"). fauxqs does not
 * check them.
 */
export function checkAttributes(attributes: unknown): void {
  if (!isStructure(attributes)) return;
  const entries = Object.entries(attributes);
  if (entries.length > MOST_ATTRIBUTES) {
    throw refused(`Number of message attributes [${entries.length}] exceeds the allowed maximum [10].`);
  }
  for (const [name, value] of entries) {
    checkName(name);
    checkValue(name, isStructure(value) ? value : {});
  }
}

function checkName(name: string): void {
  if (name.length > LONGEST_NAME || !/^[A-Za-z0-9_.-]+$/.test(name)) {
    throw refused(
      'Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and underscores, 256 at most.',
    );
  }
  if (/^(aws|amazon)\.|^\.|\.$|\.\./i.test(name)) {
    throw refused(
      "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use. Additionally, they cannot start or end with '.', or have two of them together.",
    );
  }
}

function checkValue(name: string, value: Record<string, unknown>): void {
  const { DataType: type, StringValue: text, BinaryValue: bytes } = value;
  if (typeof type !== 'string' || type.length > LONGEST_NAME || !/^(String|Number|Binary)(\.|$)/.test(type)) {
    throw refused(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  const content = type.startsWith('Binary') ? bytes : text;
  if (content === undefined || content === null || content === '') {
    throw refused(`Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`);
  }
  if (content === text) checkCharacters(String(text));
}

function refused(message: string): AwsError {
  return new AwsError('InvalidParameterValue', message);
}
