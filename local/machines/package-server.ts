import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { basename, join } from 'node:path';

/** Serves a directory as an apt repository. The server does not listen; connections are passed to it. */
export function createPackageServer(directory: string): Server {
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://packages');
    send(response, join(directory, basename(decoded(pathname)))).catch(() => response.destroy());
  });
}

async function send(response: ServerResponse, file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-length': found.size, 'last-modified': found.mtime.toUTCString() });
  createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response);
}

/** A path with invalid escapes names nothing. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '';
  }
}
