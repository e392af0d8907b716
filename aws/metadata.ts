import { request } from 'node:http';
import { IMDS_MAX_TOKEN_SECONDS } from '../lib/limits.ts';
import type { Clock } from './clock.ts';

/** The instance metadata service, version 2 ("Use the Instance Metadata Service to access instance metadata"). */
export interface Metadata {
  /**
   * The value at a path below `/latest/`. Undefined: there is none (404).
   * Rejects with `MetadataError` if the service does not answer or refuses.
   */
  get(path: string): Promise<string | undefined>;
}

export class MetadataError extends Error {
  override readonly name = 'MetadataError';
}

/** A token is renewed this long before it expires, so that no request is refused. */
const TOKEN_MARGIN_MS = 60_000;
const ANSWER_MS = 1000;

/** The service that the environment names. Undefined: it is disabled. */
export function createMetadata(env: NodeJS.ProcessEnv, clock: Clock): Metadata | undefined {
  if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') return undefined;
  const ipv6 = env['AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE']?.toLowerCase() === 'ipv6';
  const fallback = ipv6 ? 'http://[fd00:ec2::254]' : 'http://169.254.169.254';
  // Only the origin is used, as in the SDKs.
  return new MetadataClient(new URL(env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? fallback).origin, clock);
}

interface Answer {
  status: number;
  date: string | undefined;
  body: string;
}

class MetadataClient implements Metadata {
  readonly #origin: string;
  readonly #clock: Clock;
  #token: Promise<string> | undefined;
  #tokenUntilMs = 0;

  constructor(origin: string, clock: Clock) {
    this.#origin = origin;
    this.#clock = clock;
  }

  async get(path: string): Promise<string | undefined> {
    let answer = await this.#read(path);
    if (answer.status === 401) {
      this.#token = undefined;
      answer = await this.#read(path);
    }
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new MetadataError(`metadata ${path} answers ${answer.status}`);
    return answer.body;
  }

  async #read(path: string): Promise<Answer> {
    const token = await this.#validToken();
    return ask(`${this.#origin}/latest/${path}`, 'GET', { 'x-aws-ec2-metadata-token': token });
  }

  #validToken(): Promise<string> {
    if (!this.#token || this.#clock.monotonic() >= this.#tokenUntilMs) {
      this.#tokenUntilMs = this.#clock.monotonic() + IMDS_MAX_TOKEN_SECONDS * 1000 - TOKEN_MARGIN_MS;
      this.#token = this.#fetchToken();
      this.#token.catch(() => {
        this.#token = undefined;
      });
    }
    return this.#token;
  }

  async #fetchToken(): Promise<string> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(IMDS_MAX_TOKEN_SECONDS) };
    const startMs = this.#clock.monotonic();
    const { status, date, body } = await ask(`${this.#origin}/latest/api/token`, 'PUT', headers);
    // This comes before any call of AWS, so that the first call is signed with AWS's time.
    this.#clock.learn?.(date, startMs);
    if (status !== 200) throw new MetadataError(`the metadata service gives no token: it answers ${status}`);
    return body;
  }
}

function ask(url: string, method: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new MetadataError(`${method} ${url}: ${error.message}`));
    const sent = request(url, { method, headers, timeout: ANSWER_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, date: response.headers.date, body }),
      );
      response.on('error', fail);
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    sent.on('error', fail);
    sent.end();
  });
}
