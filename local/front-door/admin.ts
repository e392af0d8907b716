import type { IncomingMessage, ServerResponse } from 'node:http';
import * as v from 'valibot';
import { type Admission, authenticate } from './authenticate.ts';
import type { Faults } from './faults.ts';
import { readBody } from './request.ts';
import { AwsError } from './service.ts';
import { readSignatureFields } from './signature-fields.ts';

const applied = v.optional(v.boolean(), false);

const FaultSchema = v.strictObject({
  service: v.optional(v.string()),
  action: v.optional(v.union([v.string(), v.array(v.string())])),
  caller: v.optional(v.string()),
  input: v.optional(v.record(v.string(), v.unknown())),
  times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  effect: v.variant('kind', [
    v.strictObject({ kind: v.literal('latency'), ms: v.pipe(v.number(), v.minValue(0)) }),
    v.strictObject({ kind: v.literal('timeout'), applied }),
    v.strictObject({ kind: v.literal('throttle') }),
    v.strictObject({
      kind: v.literal('error'),
      code: v.string(),
      message: v.optional(v.string(), 'A fault was set.'),
      status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
      applied,
    }),
    v.strictObject({ kind: v.literal('reset'), applied }),
    v.strictObject({
      kind: v.literal('partial'),
      entries: v.array(v.number()),
      code: v.optional(v.string(), 'InternalError'),
    }),
  ]),
});

/**
 * The cloud's own paths, for people and for programs in other processes.
 *
 * - `GET /_mayfly/health` needs no signature. It answers what the instances of this cloud are.
 * - `/_mayfly/faults` lists (GET), sets (POST a `FaultRule`) and clears (DELETE) faults. The owner signs these calls as
 *   any other; the service's name is `mayfly`.
 *
 * S3 does not allow a bucket of this name.
 */
export async function handleAdmin(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { faults, instances, ...admission }: Admission & { faults: Faults; instances: string | undefined },
): Promise<void> {
  const answer = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  };
  const route = `${request.method} ${url.pathname}`;
  if (route === 'GET /_mayfly/health') return answer(200, { status: 'ok', instances });
  try {
    const body = await readBody(request);
    requireOwner(request, url, body, admission);
    const [status, said] = serveFaults(route, body, faults);
    answer(status, said);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    answer(error.status, { error: error.message });
  }
}

function requireOwner(request: IncomingMessage, url: URL, body: Buffer, admission: Admission): void {
  const fields = readSignatureFields(request, url.searchParams);
  const caller = authenticate(request, fields, body, admission);
  if (caller.kind !== 'owner') throw new AwsError('AccessDenied', 'Only the owner may set faults.', 403);
}

function serveFaults(route: string, body: Buffer, faults: Faults): [status: number, said: unknown] {
  if (route === 'GET /_mayfly/faults') return [200, faults.list()];
  if (route === 'DELETE /_mayfly/faults') {
    faults.clear();
    return [200, []];
  }
  if (route !== 'POST /_mayfly/faults') return [404, { error: `There is no ${route}.` }];
  const rule = v.safeParse(v.pipe(v.string(), v.parseJson(), FaultSchema), body.toString());
  if (!rule.success) return [400, { error: v.summarize(rule.issues) }];
  faults.add(withoutUndefined(rule.output));
  return [201, faults.list()];
}

/** The schema returns absent members as undefined ones, which the exact types of a rule do not allow. */
function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
