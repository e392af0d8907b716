import {
  DocCodeSpan,
  DocErrorText,
  DocEscapedText,
  DocFencedCode,
  DocLinkTag,
  type DocNode,
  DocParagraph,
  DocPlainText,
  DocSoftBreak,
} from '@microsoft/tsdoc';

/** What a part of a docstring says, as Markdown. */
export function textOf(node: DocNode | undefined): string {
  return node
    ? markdownOf(node)
        .replaceAll(/\n{3,}/g, '\n\n')
        .trim()
    : '';
}

function markdownOf(node: DocNode): string {
  if (node instanceof DocPlainText) return node.text;
  if (node instanceof DocCodeSpan) return `\`${node.code}\``;
  if (node instanceof DocSoftBreak) return '\n';
  if (node instanceof DocFencedCode) return `\n\n\`\`\`${node.language}\n${node.code}\`\`\`\n\n`;
  if (node instanceof DocEscapedText) return node.decodedText;
  // What is no TSDoc, such as a brace, is there as it was written.
  if (node instanceof DocErrorText) return node.text;
  if (node instanceof DocLinkTag)
    return `\`${node.codeDestination?.emitAsTsdoc() ?? node.urlDestination ?? ''}\``;
  const inner = node.getChildNodes().map(markdownOf).join('');
  return node instanceof DocParagraph ? `${inner}\n\n` : inner;
}
