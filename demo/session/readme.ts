import type { Line } from './play.ts';

const BEGIN = '<!-- session: npm run session -->';
const END = '<!-- end of session -->';
const PREFIXES = { comment: '# ', typed: '$ ', printed: '' } as const;

/** Replaces the session in the README. Throws if the README has no markers for one. */
export function putIntoReadme(readme: string, lines: readonly Line[]): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md has no ${BEGIN} with ${END} after it`);
  const shown = lines.map(({ kind, text }) => `${PREFIXES[kind]}${text}`.trimEnd()).join('\n');
  return `${readme.slice(0, begin + BEGIN.length)}\n\n\`\`\`console\n${shown}\n\`\`\`\n\n${readme.slice(end)}`;
}
