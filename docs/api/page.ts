import {
  ApiDeclaredItem,
  ApiDocumentedItem,
  type ApiItem,
  ApiItemKind,
  type ApiPackage,
  ApiParameterListMixin,
} from '@microsoft/api-extractor-model';
import type { DocComment } from '@microsoft/tsdoc';
import { textOf } from './text.ts';

const TITLES = [
  { title: 'Classes', kinds: [ApiItemKind.Class] },
  { title: 'Functions', kinds: [ApiItemKind.Function] },
  { title: 'Interfaces and types', kinds: [ApiItemKind.Interface, ApiItemKind.TypeAlias] },
  { title: 'Values', kinds: [ApiItemKind.Variable, ApiItemKind.Enum] },
];

/** The page of one module: what it exports, by kind and name. */
export function pageOf(module: string, model: ApiPackage): string {
  const exported = model.entryPoints.flatMap(({ members }) => members);
  const parts = TITLES.flatMap(({ title, kinds }) => {
    const items = exported
      .filter(({ kind }) => kinds.includes(kind))
      .toSorted((one, other) => (one.displayName < other.displayName ? -1 : 1));
    return items.length === 0 ? [] : [`## ${title}`, ...items.flatMap(itemParts)];
  });
  return `${[`# \`${module}\``, `What \`import … from '${module}'\` has. \`npm run docs:api\` writes this page.`, ...parts].join('\n\n')}\n`;
}

function itemParts(item: ApiItem): string[] {
  // The name of an error's class is told by its heading.
  const members = item.members.filter(
    (member) => member instanceof ApiDeclaredItem && !/^readonly name = /.test(signatureOf(member)),
  );
  return [
    `### ${item.displayName}`,
    ...commentParts(commentOf(item)),
    `\`\`\`ts\n${signatureOf(item)}\n\`\`\``,
    ...members.flatMap(memberParts),
  ];
}

function memberParts(member: ApiItem): string[] {
  const isCall = ApiParameterListMixin.isBaseClassOf(member);
  const name = member.kind === ApiItemKind.Constructor ? 'constructor' : member.displayName;
  return [
    `#### ${name}${isCall ? '()' : ''}`,
    `\`\`\`ts\n${signatureOf(member)}\n\`\`\``,
    ...commentParts(commentOf(member)),
  ];
}

function signatureOf(item: ApiItem): string {
  return item instanceof ApiDeclaredItem ? item.excerpt.text.replace(/^export (declare )?/, '').trim() : '';
}

function commentOf(item: ApiItem): DocComment | undefined {
  return item instanceof ApiDocumentedItem ? item.tsdocComment : undefined;
}

function commentParts(comment: DocComment | undefined): string[] {
  if (!comment) return [];
  const parameters = comment.params.blocks.map(
    (block) => `- \`${block.parameterName}\`: ${textOf(block.content)}`,
  );
  const tagged = comment.customBlocks.map(
    (block) => `**${block.blockTag.tagName.slice(1)}**: ${textOf(block.content).replace(/^- /, '')}`,
  );
  const returned = comment.returnsBlock && `**returns**: ${textOf(comment.returnsBlock.content)}`;
  return [
    // API Extractor makes up a sentence for each constructor that has none.
    textOf(comment.summarySection).replace(/^Constructs a new instance of the .* class$/, ''),
    textOf(comment.remarksBlock?.content),
    parameters.join('\n'),
    returned ?? '',
    ...tagged,
  ].filter((part) => part !== '');
}
