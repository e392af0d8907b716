import type { JobView } from '../../../client/jobs/view.ts';
import { inlinePieces } from '../../../client/logs/inline.ts';
import { LogPosition } from '../../../client/logs/pieces.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import { escapeLine, escapeText } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import type { Paint } from '../../terminal/paint.ts';
import { wrapLines } from '../../terminal/say.ts';
import type { Screen } from '../../terminal/screen.ts';
import { bodyExcerpt, paintState, stageName, stateReason, timesLine, tryLine } from './words.ts';

/** How many lines of the output are shown, and of the result. */
const LAST_LINES = 10;
/** How much of the body is shown. */
const BODY_CELLS = 100;

/** A job as text: its state and reason, times, tries, and the end of its output. */
export function jobBlock(
  job: JobView,
  record: JobRecord | undefined,
  paint: Paint,
  screen: Pick<Screen, 'isTTY' | 'columns'>,
): string {
  const why = stateReason(job);
  const lines = [`${paint('bold', escapeLine(job.id))}  ${paintState(job, paint)}${why ? `: ${why}` : ''}`];
  const times = timesLine(job);
  if (times) lines.push(`  ${times}`);
  lines.push(...bodyLine(job).map((line) => `  ${line}`));
  if (job.waitsFor) lines.push(`  why it waits: ${escapeLine(job.waitsFor.text)}`);
  lines.push(...otherFacts(job).map((fact) => `  ${fact}`));
  const wrapped = lines.map((line) => wrapLines(line, screen, '    '));
  // The result and the output of a worker keep their lines.
  const kept = [...resultLines(job, paint), ...outputLines(job, record, paint)];
  return [...wrapped, ...kept.map((line) => `  ${line}`)].join('\n');
}

/** The start of the body, on one line. */
function bodyLine({ id, body, bodyStart, bodyBytes, bodyLocation }: JobView): string[] {
  const text = body ?? bodyStart;
  if (text === undefined) return [];
  const start = bodyExcerpt(text, BODY_CELLS);
  if (start === escapeLine(text) && body !== undefined) return [`body: ${start}`];
  const isKept = body !== undefined || bodyLocation !== undefined;
  const bytes = countOf(bodyBytes ?? Buffer.byteLength(text), 'byte');
  return [`body, ${bytes}${isKept ? ` (all of it: mayfly status --body ${escapeLine(id)})` : ''}: ${start}`];
}

function otherFacts(job: JobView): string[] {
  const { state, tries, instance, cancelRequestedAt, limitSeconds, label, requestId, retryOf, retriedAs } =
    job;
  const { deadLetterError, group, target } = job;
  const name = (what: string, value: string | undefined) =>
    value === undefined ? [] : [`${what} ${escapeLine(value)}`];
  const cancelling = state === 'running' && cancelRequestedAt !== undefined;
  return [
    ...(tries.length > 1 ? tries.map((one, index) => `try ${index + 1}: ${tryLine(one)}`) : []),
    ...(tries.length === 1 || state === 'running' ? name('on', instance ?? tries[0]?.instance) : []),
    ...(deadLetterError === undefined
      ? []
      : [`not dead-lettered yet, the agent tries again: ${escapeLine(deadLetterError)}`]),
    ...(cancelling ? ['cancelled: its worker is being stopped'] : []),
    ...(limitSeconds === undefined ? [] : [`time limit ${limitSeconds} s`]),
    ...stageLine(job),
    ...stagesLines(job),
    ...name('group', group),
    ...name('target', target),
    // A group serves as the label of a job that has none.
    ...(label === group ? [] : name('label', label)),
    ...requestLine(requestId, job),
    ...name('retry of', retryOf),
    ...name('retried as', retriedAs),
  ];
}

function stageLine({ stage, command = '', stageOf = '' }: JobView): string[] {
  if (stage === undefined) return [];
  return [`${stageName(stage)} ${escapeLine(command)}, after job ${escapeLine(stageOf)}`];
}

/** The roll-back and the health check that followed it. */
function stagesLines({ stages = [] }: JobView): string[] {
  return stages.map(({ stage, id, state }) => `${stageName(stage)} ${escapeLine(id)}: ${state}`);
}

function requestLine(requestId: string | undefined, { index, count }: JobView): string[] {
  if (requestId === undefined) return [];
  const place = index === undefined || count === undefined ? '' : `, ${index} of ${count}`;
  return [`request ${escapeLine(requestId)}${place}`];
}

/** The worker's result, on one line if it has only one. */
function resultLines({ id, result, resultError }: JobView, paint: Paint): string[] {
  if (resultError !== undefined) return [`result left out: ${escapeLine(resultError)}`];
  if (result === undefined) return [];
  const all = linesOf(typeof result === 'string' ? result : JSON.stringify(result));
  if (all.length === 1) return [`result: ${all[0]}`];
  const more =
    all.length > LAST_LINES ? `, its start (all of it: mayfly status --json ${escapeLine(id)})` : '';
  const bytes = countOf(Buffer.byteLength(`${result}`), 'byte');
  return [`result, ${bytes}${more}:`, ...all.slice(0, LAST_LINES).map((line) => quote(line, paint))];
}

function outputLines({ id, log }: JobView, record: JobRecord | undefined, paint: Paint): string[] {
  const last = record?.tries?.at(-1);
  if (!log || !last?.log) return [];
  const bytes = log.stdoutBytes + log.stderrBytes;
  if (bytes === 0) return ['no output'];
  const text = last.log.tail ?? inlineText(last);
  const all = linesOf(text);
  const shown = all.slice(-LAST_LINES);
  const complete = shown.length === all.length && last.log.tail === undefined;
  const how = log.maxBytes === undefined ? 'lost' : 'beyond maxLog';
  const missing = log.lostBytes ? `, ${log.lostBytes} of them ${how}` : '';
  const more = complete
    ? ''
    : ` (${missing ? 'what was saved' : 'all of it'}: mayfly logs ${escapeLine(id)})`;
  return [
    `output, ${countOf(bytes, 'byte')}${missing}${complete ? '' : ', its end'}${more}:`,
    ...shown.map((line) => quote(line, paint)),
  ];
}

function linesOf(text: string): string[] {
  return escapeText(text.replace(/\r\n/g, '\n')).replace(/\n$/, '').split('\n');
}

function quote(line: string, paint: Paint): string {
  return `${paint('gray', '|')} ${line}`;
}

/** Both streams, in the order in which they were printed. */
function inlineText(last: NonNullable<JobRecord['tries']>[number]): string {
  const pieces = inlinePieces(last, new LogPosition());
  return Buffer.concat(pieces.flatMap((piece) => (piece.kind === 'output' ? [piece.bytes] : []))).toString(
    'utf8',
  );
}
