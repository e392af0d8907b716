import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const FILE = /`((?:local\/)?test\/[\w/.-]+\.ts)`/;

/** The tests that the page names: in a cell as file and title, or as title below a column's head that names the file. */
function namedTests(page: string): { file: string; title: string }[] {
  let fileOfColumn: string | undefined;
  return page.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const last = cells.at(-2);
    if (!line.startsWith('|') || last === undefined) {
      fileOfColumn = undefined;
      return [];
    }
    const file = FILE.exec(last)?.[1];
    if (file !== undefined && last.startsWith('Test')) {
      fileOfColumn = file;
      return [];
    }
    if (file !== undefined) return [{ file, title: last.split(':').slice(1).join(':').trim() }];
    return fileOfColumn === undefined || /^-+$/.test(last) ? [] : [{ file: fileOfColumn, title: last }];
  });
}

test('each test that the threat model names is there', () => {
  const named = namedTests(readFileSync(join(ROOT, 'docs/threat-model.md'), 'utf8'));
  expect(named.length).toBeGreaterThan(30);
  const missing = named.filter(({ file, title }) => {
    const path = join(ROOT, file);
    return !existsSync(path) || !readFileSync(path, 'utf8').includes(title);
  });
  expect(missing).toEqual([]);
});
