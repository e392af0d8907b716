import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assemble, cutIntoTiles, type View } from '../../demo/picture/tiles.ts';

const view = (width: number, height: number): View => ({
  width,
  height,
  x: 0,
  y: 0,
  span: 4,
  turns: 1,
  iterations: 10,
  samples: 1,
});

it('covers every pixel once, whatever the sizes', () => {
  const size = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(size, size, size, (width, height, side) => {
      const tiles = cutIntoTiles(view(width, height), side);
      const painted = tiles.map((tile) => ({ tile, rgb: numbered(tile, width) }));
      const picture = assemble(view(width, height), painted);
      expect([...picture]).toEqual(Array.from({ length: width * height * 3 }, (_, byte) => byte % 251));
      expect(new Set(tiles.map(({ name }) => name)).size).toBe(tiles.length);
    }),
  );
});

it('refuses a tile with a wrong number of bytes', () => {
  const [tile] = cutIntoTiles(view(4, 4), 4);
  expect(() => assemble(view(4, 4), tile ? [{ tile, rgb: new Uint8Array(3) }] : [])).toThrow(
    'tile-0-0 has 3 bytes, not 48',
  );
});

/** A tile each byte of which encodes its place in the picture. */
function numbered(
  tile: { left: number; top: number; width: number; height: number },
  width: number,
): Uint8Array {
  return Uint8Array.from({ length: tile.width * tile.height * 3 }, (_, index) => {
    const row = Math.floor(index / (tile.width * 3));
    return (((tile.top + row) * width + tile.left) * 3 + (index % (tile.width * 3))) % 251;
  });
}
