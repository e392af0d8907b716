// What can be done with one server of the shop. Elsewhere this would be SSH and systemctl. A server is a directory with its
// program (server.mjs), its version, its settings (server.conf) and its log.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

const LOOPBACK = '127.0.0.1';
/** A server that does not answer for so long is taken for one that hangs. */
const ANSWER_MS = 5000;

/** The directory of the server that the job works on. The name comes from the message, so it is checked. */
export function targetDirectory({ SHOP, MAYFLY_TARGET: target = '' } = process.env) {
  if (!SHOP) throw new Error('set the variable SHOP to the directory of the servers');
  if (!/^[a-z]+-[0-9]+$/.test(target)) throw new Error(`${JSON.stringify(target)} is no server of the shop`);
  return join(SHOP, target);
}

/** The version that is installed. @param {string} directory */
export async function installedVersion(directory) {
  return (await readFile(join(directory, 'version'), 'utf8')).trim();
}

/** Installs a version. The server runs it from its next start on. @param {string} directory @param {string} version */
export async function install(directory, version) {
  await copyFile(join(import.meta.dirname, 'server.mjs'), join(directory, 'server.mjs'));
  await writeFile(join(directory, 'version'), `${version}\n`);
}

/** What the server answers: its HTTP status, and what it says of itself. @param {string} directory */
export async function ask(directory) {
  const { PORT } = await readSettings(directory);
  const response = await fetch(`http://${LOOPBACK}:${PORT}/`, { signal: AbortSignal.timeout(ANSWER_MS) });
  return { status: response.status, ...(await response.json()) };
}

/**
 * Starts the server, and returns when it listens. It outlives the worker and its instance, so it gets a session of its own and
 * nothing of their environment. @param {string} directory
 */
export async function start(directory) {
  const log = openSync(join(directory, 'log'), 'a');
  const child = spawn(process.execPath, ['server.mjs'], {
    cwd: directory,
    env: {},
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const isListening = await Promise.race([
    once(child, 'message').then(() => true),
    once(child, 'exit').then(() => false),
  ]);
  child.unref();
  if (isListening) return;
  const lines = (await readFile(join(directory, 'log'), 'utf8')).trim().split('\n');
  throw new Error(`the server does not start: ${lines.at(-1)}`);
}

/** Stops the server, and returns when its process has ended. Does nothing if it does not run. @param {string} directory */
export async function stop(directory) {
  const { PORT, NAME } = await readSettings(directory);
  const connection = connect(Number(PORT), LOOPBACK);
  try {
    await once(connection, 'connect');
  } catch {
    return;
  }
  const { name, pid } = await ask(directory);
  if (name !== NAME) throw new Error(`port ${PORT} is not ${NAME}'s: ${name} answers`);
  const ended = once(connection, 'close');
  process.kill(pid);
  await ended;
}

/** @param {string} directory */
async function readSettings(directory) {
  return parseEnv(await readFile(join(directory, 'server.conf'), 'utf8'));
}
