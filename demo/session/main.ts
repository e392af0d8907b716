/**
 * `npm run session`: records the terminal session of `docs/following-jobs.md`. Deploys a fleet to the embedded cloud, types
 * what `script.ts` says, and writes the session into that page and into `docs/session.svg`.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { startCloud } from '../../local/cloud.ts';
import { operatorEnvironment } from '../clients.ts';
import { deploy } from '../deploy.ts';
import { drawSession } from './draw.ts';
import { STACK_NAME } from './fleet.ts';
import { putIntoPage } from './page.ts';
import { type Line, recordSession } from './play.ts';
import { linkPrograms } from './programs.ts';
import { SCRIPT, WARM_UP } from './script.ts';

const ROOT = join(import.meta.dirname, '../..');
const COLUMNS = 110;
/** A minute of AWS's own periods passes in a second. */
const SPEED = 60;
const LONGEST_MS = 300_000;
const TITLE = 'A terminal: jobs that are enqueued, followed, ended by their limit and cancelled';

async function record(): Promise<Line[]> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-session-'));
  const cloud = await startCloud({ directory, speed: SPEED });
  try {
    const signal = AbortSignal.timeout(LONGEST_MS);
    const app = { file: 'demo/session/app.ts', stack: STACK_NAME };
    await deploy({ access: cloud, directory, environment: {}, signal, app });
    const environment = operatorEnvironment(cloud);
    const programs = await linkPrograms(directory);
    const PATH = [programs, environment['PATH']].join(delimiter);
    const shell = { ...environment, PATH, MAYFLY_STACK: STACK_NAME };
    await recordSession([{ comment: '', typed: WARM_UP }], shell, directory);
    return await recordSession(SCRIPT, shell, directory);
  } finally {
    await cloud.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const lines = await record();
const page = join(ROOT, 'docs/following-jobs.md');
await writeFile(join(ROOT, 'docs/session.svg'), `${drawSession(lines, COLUMNS, TITLE)}\n`);
await writeFile(page, putIntoPage(await readFile(page, 'utf8'), lines));
console.log(lines.map(({ kind, text }) => (kind === 'printed' ? text : `$ ${text}`)).join('\n'));
