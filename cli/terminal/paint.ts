import { styleText } from 'node:util';
import type { Screen } from './screen.ts';

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Returns a function that colours text on a terminal. Without colours (`NO_COLOR`, `TERM=dumb`) it returns text unchanged. */
export function paintFor(screen: Screen): Paint {
  const colours = screen.isTTY === true && screen.hasColors?.() === true;
  return colours ? paint : (_style, text) => text;
}

/** Always colours the text. */
export const paint: Paint = (style, text) => styleText(style, text, { validateStream: false });
