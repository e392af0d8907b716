#!/usr/bin/env node
// The demo's worker: paints one tile of a picture. A job's body says which part of the plane; the tile is written
// to $OUTPUT as raw RGB, the start and the end to $JOURNAL. Plain JavaScript: a worker's machine need not be ours.
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { paint } from './fractal.mjs';

const { JOURNAL, OUTPUT, MAYFLY_JOB_ID, MAYFLY_ATTEMPT } = process.env;
if (!JOURNAL || !OUTPUT) {
  console.error('render: the environment must have JOURNAL (a file) and OUTPUT (a directory)');
  process.exit(78);
}

/** @param {'start' | 'end'} event @param {object} [more] */
function journal(event, more = {}) {
  const line = {
    event,
    job: MAYFLY_JOB_ID,
    attempt: Number(MAYFLY_ATTEMPT),
    pid: process.pid,
    atMs: Date.now(),
    ...more,
  };
  appendFileSync(JOURNAL, `${JSON.stringify(line)}\n`);
}

journal('start');
process.once('SIGTERM', () => {
  journal('end', { status: 143 });
  process.exit(143);
});

try {
  const tile = JSON.parse(readFileSync(0, 'utf8'));
  console.log(`painting ${tile.name}: ${tile.width} x ${tile.height} at ${tile.left}, ${tile.top}`);
  const file = join(OUTPUT, `${basename(tile.name)}.rgb`);
  // Renamed into place, so that nobody ever reads half a tile, and a second attempt does no harm.
  writeFileSync(`${file}.${process.pid}`, paint(tile));
  renameSync(`${file}.${process.pid}`, file);
  journal('end', { status: 0 });
} catch (error) {
  console.error(`render: ${error instanceof Error ? error.message : error}`);
  // 65, EX_DATAERR: the same body will not do the next time either.
  journal('end', { status: 65 });
  process.exitCode = 65;
}
