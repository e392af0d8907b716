import { Agent, type AgentOptions } from 'node:https';
import { connect, type Socket } from 'node:net';

/**
 * Connects S3's host names here (`<bucket>.s3.localhost`) to the front door. On AWS these are TLS connections to port
 * 443, but to listen on a port below 1024 takes root.
 */
export class FrontDoorAgent extends Agent {
  readonly #door: { host: string; port: number };

  /** @param endpoint `http://127.0.0.1:<port>` */
  constructor(endpoint: string, options?: AgentOptions) {
    super(options);
    const { hostname, port } = new URL(endpoint);
    this.#door = { host: hostname, port: Number(port) };
  }

  override createConnection(...[options, callback]: Parameters<Agent['createConnection']>) {
    const { host } = options as { host?: string };
    if (host?.endsWith('.localhost')) return connect(this.#door);
    return super.createConnection(options, callback) as Socket;
  }
}
