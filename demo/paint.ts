import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng } from './picture/png.ts';
import { assemble, type Tile, type View } from './picture/tiles.ts';

/** The number of finished tiles in the workers' output directory. */
export async function countPainted(directory: string): Promise<number> {
  return (await readdir(directory)).filter((name) => name.endsWith('.rgb')).length;
}

/** Assembles the tiles and writes the picture. Rejects if a tile is missing. */
export async function writePicture(
  file: string,
  view: View,
  tiles: readonly Tile[],
  directory: string,
): Promise<void> {
  const painted = await Promise.all(
    tiles.map(async (tile) => ({ tile, rgb: await readFile(join(directory, `${tile.name}.rgb`)) })),
  );
  await writeFile(file, encodePng(view.width, view.height, assemble(view, painted)));
}
