/**
 * `npm run bench:boot`: measures the time from a launch to the first job, on machines of the embedded cloud that boot from a
 * stock image, from one with Ansible, and from a baked one. It compares them with the bare boot of the same images in the
 * same run. Needs root, and takes minutes. Exits with 1 if a baked image is not fast enough.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { missingForMachines } from '../../local/machines/requirements.ts';
import { synthesise } from '../../test/support/deploy.ts';
import { namesFrom, wholeNumberFrom } from '../options.ts';
import { bakeImage } from './bake.ts';
import { type BootCloud, openBootCloud, PROPS } from './boot-cloud.ts';
import { timeBareBoot, timeBoot } from './boots.ts';
import { printBootDetails } from './details.ts';
import { type ImageMeasurements, isBakedFastEnough, print, summarise } from './report.ts';

const IMAGES = ['stock', 'prepared', 'baked'] as const;

interface Options {
  json: boolean;
  runs: number;
  images: (typeof IMAGES)[number][];
  details: boolean;
}

const options = new Command('npm run bench:boot --')
  .description('Time from launch to first job, by image: medians of interleaved runs.')
  .option('--json', 'print the results as JSON', false)
  .option('--runs <number>', 'boots of each image', wholeNumberFrom(1), 5)
  .option('--images <names>', `some of: ${IMAGES.join(',')}`, namesFrom(IMAGES), [...IMAGES])
  .option('--details', 'also print where the time of the last boots went', false)
  .parse()
  .opts<Options>();

const missing = missingForMachines();
if (missing) {
  console.error(missing);
  process.exit(1);
}

const say = (line: string) => console.error(line);
const directory = await mkdtemp(join(tmpdir(), 'mayfly-images-'));
const fleet = synthesise(PROPS);
const sites = new Map<string, BootCloud>();
try {
  for (const image of options.images) {
    const from =
      image === 'baked' ? { root: await bakeImage('stock', fleet, join(directory, 'baked'), say) } : image;
    sites.set(image, await openBootCloud(from, fleet, say));
  }
  const measured: ImageMeasurements[] = [...sites.keys()].map((image) => ({ image, bare: [], boots: [] }));
  for (let run = 1; run <= options.runs; run++) await measureAll(run, measured);
  const results = measured.map(summarise);
  if (options.json) console.log(JSON.stringify({ cores: cpus().length, results, measured }));
  else print(results);
  if (!isBakedFastEnough(results)) process.exitCode = 1;
} finally {
  for (const site of sites.values()) await site.close();
  await rm(directory, { recursive: true, force: true });
}

async function measureAll(run: number, measured: readonly ImageMeasurements[]): Promise<void> {
  for (const { image, bare, boots } of measured) {
    const site = sites.get(image);
    if (!site) continue;
    bare.push(await timeBareBoot(site));
    const last = options.details && run === options.runs;
    boots.push(await timeBoot(site, last ? (launch) => printBootDetails(launch, image) : undefined));
    say(`${run}. ${image}: bare ${bare.at(-1)?.toFixed(1)} s, ready ${boots.at(-1)?.ready.toFixed(1)} s`);
  }
}
