import { Agent, type AgentOptions } from 'node:https';
import { connect, type Socket } from 'node:net';

/**
 * Takes connections to S3's names here (`<bucket>.s3.localhost`) to the front door. On AWS they are TLS to port 443; a
 * port below 1024 would take root here.
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
