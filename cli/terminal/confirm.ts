import { createInterface } from 'node:readline/promises';
import { CliError } from '../error.ts';
import { ExitCode } from '../exit-code.ts';
import { wrapLines } from './say.ts';

/** Whether stdin and stderr are a terminal, so that a question can be asked. */
export function canPrompt(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/**
 * Asks a yes-or-no question. Any answer but yes counts as no.
 *
 * @param question escaped
 * @param refusal the message if the answer is no
 * @throws CliError with `refusal`: status 1, or 130 after Ctrl-C
 */
export async function confirm(question: string, refusal: string): Promise<void> {
  const answer = await ask(question);
  if (answer === 'yes') return;
  throw new CliError(refusal, answer === 'no' ? ExitCode.failed : ExitCode.interrupted);
}

/** Asks a yes-or-no question. The answer no is not an error. */
export async function promptYesNo(question: string): Promise<boolean> {
  return (await ask(question)) === 'yes';
}

/** The end of the input (Ctrl-D) is a no. Ctrl-C has a result of its own. */
async function ask(question: string): Promise<'yes' | 'no' | 'interrupted'> {
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  const unanswered = new AbortController();
  let isInterrupted = false;
  questions.once('SIGINT', () => {
    isInterrupted = true;
    questions.close();
  });
  questions.once('close', () => unanswered.abort());
  try {
    const prompt = `${wrapLines(`${question} [y/N]`, process.stderr)} `;
    const answer = await questions.question(prompt, { signal: unanswered.signal });
    return /^y(es)?$/i.test(answer.trim()) ? 'yes' : 'no';
  } catch (error) {
    if (!unanswered.signal.aborted) throw error;
    return isInterrupted ? 'interrupted' : 'no';
  } finally {
    questions.close();
  }
}
