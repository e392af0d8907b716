import { NARROWEST, wrap } from './columns.ts';
import { lineWidth, type Screen } from './screen.ts';

/** Below a sentence's first line. */
const INDENT = '  ';
/** In the place of a command's blanks, at which no line may be broken; no text has it. */
const FIXED_BLANK = '\ue000';

/**
 * Tells a person something on stderr, which is for all that is no data. On a terminal lines are broken at words.
 *
 * @param text a sentence or several; escaped. It may have lines of its own.
 */
export function say(text: string, screen: Screen = process.stderr): void {
  screen.write(`${inLines(`mayfly: ${text}`, screen)}\n`);
}

/**
 * The text in lines that have room on a terminal; as it is for a file or a pipe. No word is cut, and no command: what
 * stands between backticks can be copied.
 */
export function inLines(text: string, screen: Pick<Screen, 'isTTY' | 'columns'>, indent = INDENT): string {
  if (screen.isTTY !== true) return text;
  const room = Math.max(NARROWEST, lineWidth(screen) - indent.length);
  return text
    .split('\n')
    .map((line) => broken(line, room).join(`\n${indent}`))
    .join('\n');
}

function broken(line: string, room: number): string[] {
  const fixed = line.replace(/`[^`]*`/g, (command) => command.replaceAll(' ', FIXED_BLANK));
  return wrap(fixed, room, { cutsWords: false }).map((one) => one.replaceAll(FIXED_BLANK, ' '));
}
