// What a roll-back puts back: the version that a server had before the request.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const { MAYFLY_REQUEST_ID = '' } = process.env;

/** Notes the version before the request. A second try keeps the note of the first. @param {string} directory @param {string} version */
export async function remember(directory, version) {
  if ((await previousVersion(directory)) !== undefined) return;
  await writeFile(fileOf(directory), JSON.stringify({ request: MAYFLY_REQUEST_ID, version }));
}

/** The version before this request. Undefined: the request has changed nothing here. @param {string} directory */
export async function previousVersion(directory) {
  const text = await readFile(fileOf(directory), 'utf8').catch(() => '{}');
  const { request, version } = JSON.parse(text);
  return request === MAYFLY_REQUEST_ID ? version : undefined;
}

/** @param {string} directory */
function fileOf(directory) {
  return join(directory, 'previous.json');
}
