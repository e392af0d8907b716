import { expect, test } from 'vitest';
import { addTry, type FailureStreak, slowdownPauseMs, type TryResult } from '../../policy/slowdown.ts';

const RESULTS = { '+': 'success', '-': 'failure', '.': 'neither' } as const;

/** Tries: `a-`: job a failed; `b+`: b succeeded; `c.`: the end of c says nothing about the instance. */
function after(tries: string): FailureStreak | undefined {
  return tries
    .split(' ')
    .filter((one) => one !== '')
    .map(([job = '', sign = '-'], index): TryResult => {
      return { job, result: RESULTS[sign as '-'], reason: `exit status ${index}`, atMs: index };
    })
    .reduce<FailureStreak | undefined>(addTry, undefined);
}

test.each([
  ['no try', '', 0],
  ['two jobs failed', 'a- b-', 0],
  ['one job failed again and again', 'a- a- a- a- a- a-', 0],
  ['two jobs failed again and again', 'a- b- a- b- a- b-', 0],
  ['three jobs failed in a row', 'a- b- c-', 5],
  ['three jobs failed with a success in between', 'a- b- x+ c-', 0],
  ['three jobs failed with a wrong input in between', 'a- b- x. c-', 5],
  ['a fourth failed', 'a- b- c- d-', 10],
  ['one of them failed again', 'a- b- c- a-', 10],
  ['two more failed', 'a- b- c- d- e-', 20],
  ['wrong inputs came then', 'a- b- c- x. y.', 5],
  ['many more failed', 'a- b- c- d- e- f- g- h- i- j-', 60],
  ['one succeeded then', 'a- b- c- d- e- f- x+', 0],
  ['one succeeded, and two more failed', 'a- b- c- d- x+ e- f-', 0],
])('after %s the next receive waits', (_, tries, seconds) => {
  expect(slowdownPauseMs(after(tries))).toBe(seconds * 1000);
});

test('a pause is never Infinity, and many failures do not make the list of jobs longer', () => {
  let streak: FailureStreak | undefined;
  for (let job = 0; job < 2000; job += 1) {
    streak = addTry(streak, { job: `j${job}`, result: 'failure', reason: 'exit status 1', atMs: job });
  }
  expect(slowdownPauseMs(streak)).toBe(60_000);
  expect(streak).toMatchObject({ failures: 2000, jobs: ['j0', 'j1', 'j2'], slowSinceMs: 2 });
});

test('the streak has the time of the slowdown, the number of failures and the end of the last try', () => {
  expect(after('a- b- c- d-')).toMatchObject({ failures: 4, slowSinceMs: 2, reason: 'exit status 3' });
  expect(after('a- b-')?.slowSinceMs).toBeUndefined();
});
