import { styleText } from 'node:util';
import type { Screen } from './screen.ts';

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Colours for a screen that has some: a terminal, unless `NO_COLOR` is set or it is a dumb one. Else text as it is. */
export function paintFor(screen: Screen): Paint {
  const colours = screen.isTTY === true && screen.hasColors?.() === true;
  return colours ? paint : (_style, text) => text;
}

/** In colour, whatever the screen. */
export const paint: Paint = (style, text) => styleText(style, text, { validateStream: false });
