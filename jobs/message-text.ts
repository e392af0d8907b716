/** An envelope as the body of a message. JSON escapes all characters that SQS refuses ("SendMessage") except these two. */
export function toMessageText(envelope: object): string {
  return JSON.stringify(envelope).replace(/[\ufffe\uffff]/g, (character) =>
    character === '\ufffe' ? '\\ufffe' : '\\uffff',
  );
}
