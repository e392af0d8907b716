import { paint as always, type Paint, type Style } from './paint.ts';

/** A bar of `width` cells. Each part gets its share of `total`, rounded up. The rest is dots. */
export function bar(
  width: number,
  total: number,
  parts: readonly (readonly [Style, number])[],
  paint: Paint = always,
): string {
  let used = 0;
  const blocks = parts.map(([style, value]) => {
    const cells = Math.min(width - used, Math.ceil((value / Math.max(total, 1)) * width));
    used += cells;
    return cells > 0 ? paint(style, '█'.repeat(cells)) : '';
  });
  return blocks.join('') + (used < width ? paint('gray', '·'.repeat(width - used)) : '');
}
