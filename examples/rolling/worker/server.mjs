// A server of the shop. It runs in its own directory, reads its version and its settings there, and answers every request
// with its version: 503 until it has warmed up, then 200.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseEnv } from 'node:util';

const WARM_UP_MS = 1000;
/** EX_CONFIG of sysexits.h. */
const BAD_SETTINGS = 78;

const { NAME, PORT, CURRENCY } = parseEnv(readFileSync('server.conf', 'utf8'));
const version = readFileSync('version', 'utf8').trim();
if (Number.parseFloat(version) >= 2 && CURRENCY === undefined) {
  console.error(`version ${version} needs the setting CURRENCY, which server.conf does not have`);
  process.exit(BAD_SETTINGS);
}

let status = 503;
setTimeout(() => {
  status = 200;
}, WARM_UP_MS);

const server = createServer((_request, response) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ name: NAME, version, pid: process.pid })}\n`);
});
server.once('error', ({ message }) => {
  console.error(message);
  process.exit(1);
});
server.listen(Number(PORT), '127.0.0.1', () => {
  // Only the start waits for this: target.mjs.
  process.send?.('listening');
  process.disconnect?.();
});
