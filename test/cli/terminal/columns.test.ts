import { describe, expect, it } from 'vitest';
import { bar } from '../../../cli/terminal/bar.ts';
import { clip, displayWidth, formatTable, pad } from '../../../cli/terminal/columns.ts';
import { countOf } from '../../../cli/terminal/format.ts';
import { paint, paintFor } from '../../../cli/terminal/paint.ts';
import { formatDuration } from '../../../lib/format-duration.ts';

describe('columns', () => {
  it('are as wide as their widest cell, also with wide characters and colours', () => {
    expect(
      formatTable(
        ['id', 'state'],
        [
          ['j-1', 'queued'],
          ['甲虫', 'running'],
          [paint('red', 'x'), 'failed'],
        ],
      ),
    ).toBe(['id    state', 'j-1   queued', '甲虫  running', `${paint('red', 'x')}     failed`].join('\n'));
  });

  it('can have a head alone', () => {
    expect(formatTable(['id', 'state'], [])).toBe('id  state');
  });

  it('can have a rule below the head', () => {
    expect(formatTable(['id', 'state'], [['j-1', 'queued']], { rule: true })).toBe(
      ['id   state', '───  ──────', 'j-1  queued'].join('\n'),
    );
  });

  it('put cells that do not fit below the row, with their names', () => {
    const head = ['id', 'jobs', 'why'];
    const rows = [
      ['j-1', 'one', 'short'],
      ['j-2', 'two', 'a long story, with anunbreakablywideword'],
      ['j-3', 'three of them', ''],
      ['j-4', '甲虫甲虫甲虫甲虫甲虫', 'last'],
    ];
    expect(formatTable(head, rows, { lineWidth: 22 })).toBe(
      [
        'id   jobs',
        'j-1  one',
        '  why: short',
        'j-2  two',
        '  why: a long story,',
        '  with',
        '  anunbreakablywidewor',
        '  d',
        'j-3  three of them',
        'j-4',
        '  jobs:',
        '  甲虫甲虫甲虫甲虫甲虫',
        '  why: last',
      ].join('\n'),
    );
    expect(formatTable(head, rows, { lineWidth: 80 })).toBe(formatTable(head, rows));
  });

  it('keep a first cell that is wider than the line', () => {
    expect(formatTable(['id', 'state'], [['j-123456', 'queued']], { lineWidth: 5 })).toBe(
      'id\nj-123456\n  state: queued',
    );
  });
});

it.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab…'],
  ['甲虫甲', 4, '甲…'],
  ['\x1b[31mabcd\x1b[39m', 3, '\x1b[31mab…\x1b[0m'],
  ['\x1b[31m████\x1b[39m', 3, '\x1b[31m██…\x1b[0m'],
  ['a\u0301bcd', 3, 'a\u0301b…'],
])('clip %j to %d', (text, cells, clipped) => {
  expect(clip(text, cells)).toBe(clipped);
  expect(displayWidth(clipped)).toBeLessThanOrEqual(cells);
});

it('pad counts cells', () => {
  expect(pad('甲', 4)).toBe('甲  ');
  expect(pad('abc', 2)).toBe('abc');
});

const plain = (_style: unknown, text: string) => text;

it.each([
  [0, 10, '··········'],
  [1, 1000, '█·········'],
  [5, 10, '█████·····'],
  [10, 10, '██████████'],
  [20, 10, '██████████'],
  [0, 0, '··········'],
])('a bar of %d of %d', (done, total, text) => {
  expect(bar(10, total, [['green', done]], plain)).toBe(text);
});

it.each([
  [-1, '0 s'],
  [0.44, '0.4 s'],
  [9.96, '10 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [200, '3 min 20 s'],
  [3600, '1 h'],
  [7500, '2 h 5 min'],
  [90_000, '1 d 1 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it('counts', () => {
  expect([0, 1, 2].map((number) => countOf(number, 'job'))).toEqual(['0 jobs', '1 job', '2 jobs']);
});

describe('colour', () => {
  const write = () => true;
  it.each([
    ['appears on a terminal', { write, isTTY: true, hasColors: (): boolean => true }, paint('red', 'x')],
    ['does not appear without hasColors', { write, isTTY: true, hasColors: (): boolean => false }, 'x'],
    ['never appears on a pipe', { write, hasColors: (): boolean => true }, 'x'],
  ])('%s', (_what, screen, shown) => {
    expect(paintFor(screen)('red', 'x')).toBe(shown);
  });
});
