import { randomInt } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const SUFFIX_LENGTH = 12;

/** `Stack-Logical-1A2B3C4D5E6F`: the two names share the length that `maxLength` leaves beside the suffix. */
export function generatedName(stackName: string, logicalId: string, maxLength = 64): string {
  const suffix = Array.from({ length: SUFFIX_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  const room = maxLength - SUFFIX_LENGTH - 2;
  const logicalRoom = Math.max(Math.floor(room / 2), room - stackName.length);
  const logical = logicalId.slice(0, logicalRoom);
  return `${stackName.slice(0, room - logical.length)}-${logical}-${suffix}`;
}
