import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { unzipSync } from 'fflate';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const MADE_BY_UNIX = 3;

/** Unpacks a zip below `directory` with executable bits, as `unzip` does. */
export function unzipInto(directory: string, zip: Uint8Array): void {
  const modes = unixModes(Buffer.from(zip.buffer, zip.byteOffset, zip.byteLength));
  for (const [name, bytes] of Object.entries(unzipSync(zip))) {
    const path = join(directory, normalize(join('/', name)));
    if (name.endsWith('/')) {
      mkdirSync(path, { recursive: true });
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    const mode = modes.get(name);
    if (mode !== undefined) chmodSync(path, mode);
  }
}

/** Permission bits by entry name. fflate does not return them, so they are read from the zip's central directory. */
function unixModes(zip: Buffer): Map<string, number> {
  const modes = new Map<string, number>();
  const end = zip.lastIndexOf(Buffer.from(Uint32Array.of(END_OF_DIRECTORY).buffer));
  if (end < 0) return modes;
  let at = zip.readUInt32LE(end + 16);
  for (let entry = zip.readUInt16LE(end + 10); entry > 0; entry -= 1) {
    if (zip.readUInt32LE(at) !== DIRECTORY_ENTRY) break;
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const mode = (zip.readUInt32LE(at + 38) >>> 16) & 0o777;
    if (zip.readUInt8(at + 5) === MADE_BY_UNIX && mode !== 0) modes.set(name, mode);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return modes;
}
