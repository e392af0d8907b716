import type { PlaybookKeyword } from './rules.ts';

/** A variable in a text: where its name begins. */
export interface FoundVariable {
  keyword: PlaybookKeyword;
  offset: number;
}

const TEMPLATE = /\{\{.*?\}\}|\{%.*?%\}/gs;

/** Not an attribute, not a part of another name, not the name of an argument. */
const BEFORE = String.raw`(?<![\w.])`;
const AFTER = String.raw`(?!\w|\s*=[^=])`;
/** The host's own variables. */
const OWN = String.raw`(?!\s*\[\s*inventory_hostname\s*\])`;

const VARIABLES: [PlaybookKeyword, RegExp][] = [
  ['hostvars', new RegExp(`${BEFORE}hostvars${AFTER}${OWN}`, 'g')],
  ['groups', new RegExp(`${BEFORE}groups${AFTER}`, 'g')],
  [
    'ansible_play_hosts',
    new RegExp(`${BEFORE}(ansible_play_hosts(_all)?|ansible_play_batch|play_hosts)${AFTER}`, 'g'),
  ],
];

/** Finds variables about other hosts in the templates of a text. */
export function findInTemplates(text: string): FoundVariable[] {
  return [...text.matchAll(TEMPLATE)].flatMap(({ 0: template, index }) =>
    findInExpression(template).map((found) => ({ ...found, offset: found.offset + index })),
  );
}

/** The same in a text that is an expression as a whole, such as that of `when`. */
export function findInExpression(text: string): FoundVariable[] {
  const withoutTexts = text.replace(/'[^']*'|"[^"]*"/g, (quoted) => ' '.repeat(quoted.length));
  return VARIABLES.flatMap(([keyword, name]) =>
    [...withoutTexts.matchAll(name)].map(({ index }) => ({ keyword, offset: index })),
  );
}
