import { stripVTControlCharacters } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { paint } from '../../../cli/terminal/paint.ts';
import { createProgress } from '../../../cli/terminal/progress.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let written: string[];
beforeEach(() => {
  clock = new ManualClock();
  written = [];
});

const screen = (terminal: { isTTY?: boolean; columns?: number }) => ({
  write: (text: string) => written.push(text),
  hasColors: () => true,
  ...terminal,
});

describe('on a terminal', () => {
  it('is one line, with a bar if the total is known, and is removed at the end', () => {
    const progress = createProgress(screen({ isTTY: true, columns: 41 }), clock);
    progress.show({ text: '5 of 10 jobs sent', done: 5, total: 10 });
    progress.end();
    const bar = [paint('green', '█'.repeat(7)), paint('gray', '·'.repeat(6))].join('');
    expect(written).toEqual([`\r\x1b[2K${bar}  5 of 10 jobs sent`, '\r\x1b[2K']);
  });

  it('never wraps', () => {
    const progress = createProgress(screen({ isTTY: true, columns: 20 }), clock);
    progress.show({ text: 'x'.repeat(100), done: 1, total: 2 });
    expect(stripVTControlCharacters(written.join('')).trim()).toHaveLength(19);
  });

  it('is drawn ten times a second at most, and messages stay above it', async () => {
    const progress = createProgress(screen({ isTTY: true }), clock);
    for (let at = 0; at < 250; at += 10) {
      progress.show({ text: `${at}` });
      await clock.advance(10);
    }
    expect(written).toEqual(['\r\x1b[2K0', '\r\x1b[2K100', '\r\x1b[2K200']);
    progress.say('so far');
    expect(written.slice(3)).toEqual(['\r\x1b[2Kso far\n', '\r\x1b[2K240']);
  });
});

describe('to a file or a pipe', () => {
  it('prints nothing for a fast command', async () => {
    const progress = createProgress(screen({}), clock);
    progress.show({ text: 'one' });
    await clock.advance(1999);
    progress.show({ text: 'two' });
    progress.end();
    expect(written).toEqual([]);
  });

  it('prints a line every ten seconds if the text has changed, without escape sequences', async () => {
    const progress = createProgress(screen({}), clock);
    for (let second = 0; second <= 40; second += 1) {
      progress.show({ text: `${Math.min(second, 15)} of 20`, done: second, total: 20 });
      await clock.advance(1000);
    }
    expect(written).toEqual(['2 of 20\n', '12 of 20\n', '15 of 20\n']);
  });
});
