import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const AT_THE_TOP = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
const IN_DOCS = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
const PAGES = [...AT_THE_TOP, ...IN_DOCS.map((name) => `docs/${name}`)];

const CODE_BLOCK = /^ *(```+).*\n[\s\S]*?^ *\1\s*$/gm;
/** It may go on in the next line of its paragraph. */
const INLINE_CODE = /`(?:[^`\n]|\n(?!\n))*`/g;

const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');

/** Targets of all links and pictures, but for those that lead to other sites. */
function relativeLinks(text: string): string[] {
  const prose = text.replaceAll(CODE_BLOCK, '').replaceAll(INLINE_CODE, '`');
  const targets = [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

/** The anchors that GitHub gives the headings of a page. The second heading of the same name gets `-1`. */
function anchors(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of text.replaceAll(CODE_BLOCK, '').matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const name = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = name;
    for (let number = 1; found.has(anchor); number += 1) anchor = `${name}-${number}`;
    found.add(anchor);
  }
  return found;
}

/** What is wrong with a link of a page, or undefined. */
function problemOf(page: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), decodeURIComponent(path));
  if (!existsSync(join(ROOT, file))) return `${target}: there is no such file`;
  if (anchor === undefined) return undefined;
  if (!file.endsWith('.md')) return `${target}: only pages have headings`;
  return anchors(read(file)).has(anchor) ? undefined : `${target}: there is no such heading`;
}

describe('a relative link', () => {
  it.each(PAGES)('of %s leads to a file and a heading that exist', (page) => {
    const problems = relativeLinks(read(page)).map((target) => problemOf(page, target));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  it('is found on these pages at all', () => {
    expect(PAGES.flatMap((page) => relativeLinks(read(page))).length).toBeGreaterThan(60);
  });

  it('that leads nowhere is named', () => {
    expect(problemOf('README.md', 'docs/nothing.md')).toBe('docs/nothing.md: there is no such file');
    expect(problemOf('docs/workers.md', '#nothing')).toBe('#nothing: there is no such heading');
    expect(problemOf('docs/workers.md', '#set-up')).toBeUndefined();
  });
});
