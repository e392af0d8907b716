/**
 * The lines of a text file, without their ends (LF or CRLF) and without the byte order mark that editors and
 * spreadsheets write at its start. A last line without an end counts.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pieces: Uint8Array[] = [];
  let isFirst = true;
  const complete = (last: Uint8Array): Buffer => {
    const line = withoutReturn(Buffer.concat([...pieces, last]));
    pieces = [];
    const mark = isFirst;
    isFirst = false;
    return mark ? withoutMark(line) : line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      yield complete(chunk.subarray(from, end));
      from = end + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
  if (pieces.length > 0) yield complete(EMPTY);
}

/** The first byte of a line that is not UTF-8, and the text before it. */
export function describeBadByte(line: Uint8Array): string {
  const text = new TextDecoder().decode(line);
  const at = text.indexOf('\ufffd');
  const start = Math.max(0, at - SHOWN);
  const wrong = line[Buffer.byteLength(text.slice(0, at))] ?? 0;
  const before = `${start > 0 ? '…' : ''}${text.slice(start, at)}`;
  return `the byte 0x${wrong.toString(16).padStart(2, '0')} follows ${JSON.stringify(before)}`;
}

const EMPTY = new Uint8Array();
const MARK = Buffer.from('\ufeff');
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SHOWN = 20;

function withoutMark(firstLine: Buffer): Buffer {
  return firstLine.subarray(0, MARK.length).equals(MARK) ? firstLine.subarray(MARK.length) : firstLine;
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}
