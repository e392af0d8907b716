import type { Line } from './play.ts';

const BEGIN = '<!-- session: npm run session -->';
const END = '<!-- end of session -->';
const PREFIXES = { comment: '# ', typed: '$ ', printed: '' } as const;

/** The page with this session instead of the one that it has. Throws if it has no place for one. */
export function putIntoPage(page: string, lines: readonly Line[]): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin)
    throw new Error(`docs/following-jobs.md has no ${BEGIN} with ${END} after it`);
  const shown = lines.map(({ kind, text }) => `${PREFIXES[kind]}${text}`.trimEnd()).join('\n');
  return `${page.slice(0, begin + BEGIN.length)}\n\n\`\`\`console\n${shown}\n\`\`\`\n\n${page.slice(end)}`;
}
