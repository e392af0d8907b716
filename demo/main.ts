/**
 * `npm start`: runs a whole fleet on this machine. Starts the embedded cloud, deploys with `cdk deploy`, sends jobs that
 * paint a picture, and shows how the fleet scales out from zero and back to zero.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { formatVerdict } from '../checker/report.ts';
import { messageOf } from '../lib/error-message.ts';
import { type Cloud, startCloud } from '../local/cloud.ts';
import { VIEW } from './fleet.ts';
import { peakInstances } from './history.ts';
import { type InstanceSetup, setUpMachines, setUpProcesses } from './instances.ts';
import { type DemoOptions, readOptions } from './options.ts';
import { writePicture } from './paint.ts';
import { drawTimeline } from './picture/timeline.ts';
import { createProgress, type Progress } from './progress.ts';
import { type DemoResult, runDemo } from './run.ts';
import { summary } from './summary.ts';

/** Well above the time that two slow cores need, so that only a demo that hangs is stopped. */
const LONGEST_MS = { processes: 5 * 60_000, machines: 15 * 60_000 };

async function main(options: DemoOptions): Promise<number> {
  const progress = createProgress(options.json ? process.stderr : process.stdout);
  const interrupt = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => interrupt.abort(new Error(`Stopped by ${signal}.`));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal).once('SIGHUP', onSignal);
  // `npm start | head`: when the reader closes the pipe, the demo stops with all its instances.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => interrupt.abort(new Error('The reader of the output has closed the pipe.')));
  }
  const longestMs = options.machines ? LONGEST_MS.machines : LONGEST_MS.processes;
  const late = new Error(`It did not end within ${longestMs / 60_000} minutes.`);
  const timer = setTimeout(() => interrupt.abort(late), longestMs);

  await mkdir(resolve('.mayfly'), { recursive: true });
  await mkdir(resolve(options.out), { recursive: true });
  const directory = await mkdtemp(resolve('.mayfly/demo-'));
  let stage: InstanceSetup | undefined;
  let cloud: Cloud | undefined;
  let kept = true;
  try {
    stage = await (options.machines ? setUpMachines(directory, progress.say) : setUpProcesses(directory));
    const { launcher } = stage;
    cloud = await startCloud({
      directory,
      port: options.port,
      speed: options.speed,
      ...(launcher && { launcher }),
    });
    progress.say(welcome(cloud, directory, options));
    const shown = await runDemo({ cloud, stage, directory, progress, signal: interrupt.signal });
    await present(shown, stage, options, progress);
    kept = options.keep || options.machines || !shown.verdict.ok;
    return shown.verdict.ok ? 0 : 1;
  } finally {
    clearTimeout(timer);
    await cloud?.close();
    await stage?.launcher?.close();
    if (kept) progress.say(keptFiles(directory, cloud));
    else await rm(directory, { recursive: true, force: true });
  }
}

/** Which files are kept, and how to read them. */
function keptFiles(directory: string, cloud: Cloud | undefined): string {
  const kept = relative('.', directory);
  const journals = cloud?.instances
    .all()
    .map((machine) => relative('.', join(machine.directory, 'journal')))
    .filter((journal) => existsSync(journal))
    .map((journal) => `  journalctl -D ${journal}`);
  const machines = journals?.length ? `The journals of the machines are kept:\n${journals.join('\n')}\n` : '';
  return `${machines}Logs are kept in ${kept}.`;
}

function welcome({ endpoint }: Cloud, directory: string, { speed }: DemoOptions): string {
  return [
    `The embedded cloud listens on ${endpoint}, its logs are in ${relative('.', directory)} while it runs.`,
    `AWS's own periods (metrics, alarms, schedules, warm-up) pass ${speed} times as fast as on AWS.`,
    'The queue, the jobs and the agents run in real time.',
  ].join('\n');
}

async function present(
  { history, verdict, tiles }: DemoResult,
  stage: InstanceSetup,
  options: DemoOptions,
  progress: Progress,
): Promise<void> {
  const picture = join(options.out, 'picture.png');
  const timeline = join(options.out, 'timeline.svg');
  await writeFile(timeline, drawTimeline(history));
  if (verdict.counts.succeeded === tiles.length) await writePicture(picture, VIEW, tiles, stage.tiles);
  if (options.json) {
    const peak = peakInstances(history);
    console.log(JSON.stringify({ ok: verdict.ok, peak, verdict, history, pictures: { picture, timeline } }));
    return;
  }
  progress.say(
    `\n${summary(history)}\n\n${formatVerdict(verdict)}\n\nPicture:  ${picture}\nTimeline: ${timeline}`,
  );
}

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)));
} catch (error) {
  // The message says what to do. A stack trace would not help.
  console.error(`The demo failed: ${messageOf(error)}`);
  process.exitCode = 1;
}
