import { createInterface } from 'node:readline/promises';
import { ExitCode } from '../exit-code.ts';
import { Failure } from '../failure.ts';
import { inLines } from '../terminal/say.ts';

/** Whether somebody is there to be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/**
 * Asks a person; anything but yes is no.
 *
 * @param question escaped
 * @param refusal what is said if the answer is no
 * @throws Failure with `refusal`: status 1, or 130 after Ctrl-C
 */
export async function confirm(question: string, refusal: string): Promise<void> {
  const answer = await answerTo(question);
  if (answer === 'yes') return;
  throw new Failure(refusal, answer === 'no' ? ExitCode.failed : ExitCode.interrupted);
}

/** The same, where no is no error. */
export async function isConfirmed(question: string): Promise<boolean> {
  return (await answerTo(question)) === 'yes';
}

/** The end of the input (Ctrl-D) is no; Ctrl-C is told apart. */
async function answerTo(question: string): Promise<'yes' | 'no' | 'interrupted'> {
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  const unanswered = new AbortController();
  let isInterrupted = false;
  questions.once('SIGINT', () => {
    isInterrupted = true;
    questions.close();
  });
  questions.once('close', () => unanswered.abort());
  try {
    const asked = `${inLines(`${question} [y/N]`, process.stderr)} `;
    const answer = await questions.question(asked, { signal: unanswered.signal });
    return /^y(es)?$/i.test(answer.trim()) ? 'yes' : 'no';
  } catch (error) {
    if (!unanswered.signal.aborted) throw error;
    return isInterrupted ? 'interrupted' : 'no';
  } finally {
    questions.close();
  }
}
