#!/usr/bin/env node
// The worker of the demo: paints one tile of a picture. The body of a job names the part of the plane. The worker writes
// the tile to $OUTPUT as raw RGB, and its start and end to $JOURNAL. It is JavaScript, so that any Node can run it.
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { paint } from './fractal.mjs';

const { JOURNAL, OUTPUT, MAYFLY_JOB_ID, MAYFLY_ATTEMPT } = process.env;
if (!JOURNAL || !OUTPUT) {
  console.error('render: set the variables JOURNAL (a file) and OUTPUT (a directory)');
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
  // The file is renamed when it is complete, so that nobody reads half a tile and a second attempt is harmless.
  writeFileSync(`${file}.${process.pid}`, paint(tile));
  renameSync(`${file}.${process.pid}`, file);
  journal('end', { status: 0 });
} catch (error) {
  console.error(`render: ${error instanceof Error ? error.message : error}`);
  // 65, EX_DATAERR: the same body would fail again.
  journal('end', { status: 65 });
  process.exitCode = 65;
}
