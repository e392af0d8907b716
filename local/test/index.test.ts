import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import * as source from '../index.ts';

const ROOT = dirname(dirname(import.meta.dirname));

test('in a checkout the package is found by its name, is the source, and exports all that the source does', async () => {
  const program = `
    import * as cloud from 'mayfly-local';
    console.log(JSON.stringify([import.meta.resolve('mayfly-local'), Object.keys(cloud)]));
  `;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', program], { cwd: ROOT });
  const [url, names] = JSON.parse(stdout) as [string, string[]];
  expect(fileURLToPath(url)).toBe(`${dirname(import.meta.dirname)}/index.js`);
  expect(names).toEqual(Object.keys(source).sort());
});
