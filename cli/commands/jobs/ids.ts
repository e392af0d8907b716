import { text } from 'node:stream/consumers';
import { Failure } from '../../failure.ts';

/** Ids of jobs as they were given: as words, or with `-` on standard input, one a line. */
export interface GivenIds {
  ids: string[];
  /** One was given as a word: its JSON is an object. */
  single: boolean;
}

/** @throws Failure if there are none */
export async function givenIds(words: readonly string[]): Promise<GivenIds> {
  if (!words.includes('-')) return { ids: [...words], single: words.length === 1 };
  const typed = (await text(process.stdin)).split(/\s+/).filter((id) => id !== '');
  const ids = words.flatMap((word) => (word === '-' ? typed : [word]));
  if (ids.length === 0) throw new Failure('Standard input has no ids of jobs.');
  return { ids, single: false };
}
