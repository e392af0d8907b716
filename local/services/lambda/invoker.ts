import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AwsError, type CloudContext } from '../../front-door/service.ts';
import { unzipInto } from '../../instances/unzip.ts';
import { Environment, type Result } from './environment.ts';
import type { LambdaFunction } from './function.ts';

/** The number of idle environments that are kept for a function. */
const KEPT_IDLE = 2;

/** Runs functions, in an idle environment if there is one, else in a new one. */
export class Invoker {
  readonly #context: CloudContext;
  /** By the revision of the function. */
  readonly #idle = new Map<string, Environment[]>();
  readonly #all = new Set<Environment>();
  #closed = false;

  constructor(context: CloudContext) {
    this.#context = context;
  }

  async invoke(one: LambdaFunction, requestId: string, event: unknown): Promise<Result> {
    // A process that started now would not be ended.
    if (this.#closed) throw new AwsError('ServiceException', 'The embedded cloud is closing.', 500);
    const { revision } = one;
    const environment = this.#take(one);
    const result = await environment.invoke(requestId, event);
    // Undefined if the revision was forgotten in the meantime: its environment gets no further invocation.
    const idle = this.#idle.get(revision);
    if (idle && environment.usable && idle.length < KEPT_IDLE && !this.#closed) {
      idle.push(environment);
    } else {
      await this.#end(environment);
    }
    return result;
  }

  /** Ends the idle environments of an old revision of a function, and the busy ones when their invocation ends. */
  async forget(revision: string): Promise<void> {
    const idle = this.#idle.get(revision) ?? [];
    this.#idle.delete(revision);
    await Promise.all(idle.map((environment) => this.#end(environment)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#idle.clear();
    await Promise.all([...this.#all].map((environment) => this.#end(environment)));
  }

  #take(one: LambdaFunction): Environment {
    const idle = this.#idle.get(one.revision) ?? [];
    for (const spent of idle.filter((environment) => !environment.usable)) void this.#end(spent);
    const usable = idle.filter((environment) => environment.usable);
    const found = usable.pop();
    this.#idle.set(one.revision, usable);
    if (found) return found;
    const directory = resolve(this.#context.directory, 'functions', one.name);
    const paths = { code: this.#unpack(one, directory), log: join(directory, 'log') };
    const environment = new Environment(this.#context, one, paths);
    this.#all.add(environment);
    return environment;
  }

  /** Unpacks code once. Changed code has a directory of its own, as the old code may still run. */
  #unpack(one: LambdaFunction, directory: string): string {
    const name = Buffer.from(one.code.sha256, 'base64').toString('hex').slice(0, 16);
    const code = join(directory, name);
    if (!existsSync(code)) {
      mkdirSync(code, { recursive: true });
      // Ends the search for a package.json in parent directories, whose `"type": "module"` would apply to `.js` files.
      writeFileSync(join(directory, '..', 'package.json'), '{}\n');
      unzipInto(code, one.code.zip);
    }
    return code;
  }

  async #end(environment: Environment): Promise<void> {
    this.#all.delete(environment);
    await environment.end();
  }
}
