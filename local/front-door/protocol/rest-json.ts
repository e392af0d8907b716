import { AwsError, type Input, type Output, type Route } from '../service.ts';

export interface RoutedRequest {
  route: Route;
  input: Input;
}

/** Finds the route of a method and path; undefined if the service has none. */
export function matchRoute(routes: Route[], method: string, path: string): RoutedRequest | undefined {
  const segments = path.replace(/\/$/, '').split('/');
  for (const route of routes) {
    if (route.method !== method) continue;
    const input = matchPath(route.path.replace(/\/$/, '').split('/'), segments);
    if (input) return { route, input };
  }
  return undefined;
}

function matchPath(template: string[], segments: string[]): Input | undefined {
  if (template.length !== segments.length) return undefined;
  const input: Input = {};
  for (const [index, part] of template.entries()) {
    const segment = segments[index] ?? '';
    const label = /^\{(.+)\}$/.exec(part)?.[1];
    if (label) input[label] = decodeURIComponent(segment);
    else if (part !== segment) return undefined;
  }
  return input;
}

/** The operation's input, from path labels, query parameters, headers and body. */
export function decodeRestJson(
  routed: RoutedRequest,
  query: URLSearchParams,
  headers: NodeJS.Dict<string | string[]>,
  body: Buffer,
): Input {
  const { route } = routed;
  const input: Input = { ...routed.input };
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    input[name] = values.length > 1 ? values : values[0];
  }
  for (const [member, header] of Object.entries(route.headers ?? {})) {
    const value = headers[header.toLowerCase()];
    if (typeof value === 'string') input[member] = value;
  }
  if (route.rawBody) input[route.rawBody] = body;
  else if (body.length > 0) Object.assign(input, parseJson(body.toString('utf8')));
  return input;
}

export function parseJson(body: string): Input {
  try {
    const value: unknown = body === '' ? {} : JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Input;
  } catch {
    // Falls through: AWS has one error for every body that is not the JSON it expects.
  }
  throw new AwsError('SerializationException', 'The body of the request is not a JSON object.');
}

export interface RestAnswer {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array | Output;
}

/** Splits the output into status, headers and body, by the route. */
export function splitRestAnswer(route: Route, output: Output): RestAnswer {
  const rest = { ...output };
  const headers: Record<string, string> = {};
  for (const [member, header] of Object.entries(route.headers ?? {})) {
    if (rest[member] !== undefined) headers[header] = String(rest[member]);
    delete rest[member];
  }
  if (!route.rawBody) return { status: route.status ?? 200, headers, body: rest };
  const raw = rest[route.rawBody];
  const body = raw instanceof Uint8Array ? raw : Buffer.from(raw === undefined ? '' : String(raw));
  return { status: Number(rest['StatusCode'] ?? route.status ?? 200), headers, body };
}
