import { once } from 'node:events';
import { request } from 'node:http';

export interface HttpRequest {
  path?: string;
  method?: string;
  body?: string;
}

/** Sends a request with any headers, also `Host`. */
export async function send(
  endpoint: string,
  { path = '/', method = 'POST', body = '' }: HttpRequest,
  headers: Record<string, string> = {},
) {
  const sent = request(new URL(path, endpoint), { method, headers });
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: Number(response.statusCode), text };
}
