/** The part of the plane that is painted. All tiles of a picture share it. The worker reads it (demo/worker/fractal.mjs). */
export interface View {
  /** Pixels. */
  width: number;
  height: number;
  /** Centre and width in the plane. */
  x: number;
  y: number;
  span: number;
  /** How often the palette repeats, per unit of the logarithm of the escape time. */
  turns: number;
  iterations: number;
  /** Samples per pixel and axis. */
  samples: number;
}

/** The body of a job: one tile. */
export interface Tile {
  name: string;
  left: number;
  top: number;
  width: number;
  height: number;
  view: View;
}

/** Divides a picture into tiles of at most `size` pixels a side, row by row. */
export function cutIntoTiles(view: View, size: number): Tile[] {
  const tiles: Tile[] = [];
  for (let top = 0; top < view.height; top += size) {
    for (let left = 0; left < view.width; left += size) {
      const width = Math.min(size, view.width - left);
      const height = Math.min(size, view.height - top);
      tiles.push({ name: `tile-${left}-${top}`, left, top, width, height, view });
    }
  }
  return tiles;
}

/**
 * Assembles painted tiles.
 *
 * @throws RangeError if the number of pixels of a tile is wrong
 */
export function assemble(view: View, painted: Iterable<{ tile: Tile; rgb: Uint8Array }>): Uint8Array {
  const picture = new Uint8Array(view.width * view.height * 3);
  for (const { tile, rgb } of painted) {
    const rowBytes = tile.width * 3;
    if (rgb.length !== rowBytes * tile.height) {
      throw new RangeError(`${tile.name} has ${rgb.length} bytes, not ${rowBytes * tile.height}`);
    }
    for (let row = 0; row < tile.height; row++) {
      const to = ((tile.top + row) * view.width + tile.left) * 3;
      picture.set(rgb.subarray(row * rowBytes, (row + 1) * rowBytes), to);
    }
  }
  return picture;
}
