import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchNodeArchive } from '../../../infra/instance/node-asset.ts';

const CONTENT = 'a tarball';
const PACKAGE = {
  name: 'node-linux-test',
  version: '1.2.3',
  integrity: `sha512-${createHash('sha512').update(CONTENT).digest('base64')}`,
};
const FILE = 'node-linux-test-1.2.3.tgz';

let base: string;
let bin: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mayfly-node-'));
  bin = join(base, 'bin');
  mkdirSync(bin);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A stub of `npm pack` that records each call. */
function npm(script: string): void {
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\necho "$*" >>${base}/asked\n${script}\n`);
  chmodSync(join(bin, 'npm'), 0o755);
}
const serving = (content: string) => `[ "$3" = --pack-destination ] && printf '${content}' >"$4/${FILE}"`;
const archive = () => fetchNodeArchive(PACKAGE, { XDG_CACHE_HOME: base, PATH: `${bin}:/usr/bin:/bin` });
const asked = () => readFileSync(join(base, 'asked'), 'utf8').trim().split('\n');

describe('Node.js for the instances', () => {
  it('is downloaded from the registry once, and is then in the cache', () => {
    npm(serving(CONTENT));
    expect(archive()).toBe(join(base, 'mayfly', FILE));
    expect(readFileSync(archive(), 'utf8')).toBe(CONTENT);
    expect(asked()).toEqual([expect.stringMatching(/^pack node-linux-test@1\.2\.3 --pack-destination /)]);
    expect(readdirSync(join(base, 'mayfly'))).toEqual([FILE]);
  });

  it('is downloaded again if the cache has another file', () => {
    mkdirSync(join(base, 'mayfly'));
    writeFileSync(join(base, 'mayfly', FILE), 'half a tarb');
    npm(serving(CONTENT));
    expect(readFileSync(archive(), 'utf8')).toBe(CONTENT);
  });

  it('is refused when it is not what was published', () => {
    npm(serving('another'));
    expect(archive).toThrow(
      /node-linux-test@1\.2\.3 has the integrity sha512-\S+, expected sha512-\S+: the registry/,
    );
    expect(readdirSync(join(base, 'mayfly'))).toEqual([]);
  });

  it('that cannot be downloaded has a message that says why', () => {
    npm('echo "npm error code ENOTFOUND" >&2; exit 1');
    expect(archive).toThrow(
      'Node.js for the instances (the npm package node-linux-test@1.2.3) cannot be fetched: npm ended with 1: npm ' +
        `error code ENOTFOUND. A synth needs the npm registry once; then the package is in ${base}/mayfly`,
    );
    expect(readdirSync(join(base, 'mayfly'))).toEqual([]);
  });
});
