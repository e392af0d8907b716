import { text } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import type { LambdaFunction } from './function.ts';

/** All functions, by name. Calls may give a name or an ARN, with or without a qualifier. */
export class Functions {
  readonly #byName = new Map<string, LambdaFunction>();

  all(): LambdaFunction[] {
    return [...this.#byName.values()];
  }

  add(one: LambdaFunction): void {
    if (this.#byName.has(one.name)) {
      throw new AwsError('ResourceConflictException', `Function already exist: ${one.name}`, 409);
    }
    this.#byName.set(one.name, one);
  }

  remove(one: LambdaFunction): void {
    this.#byName.delete(one.name);
  }

  /** @throws `ResourceNotFoundException` */
  get(input: Input): LambdaFunction {
    const name = parseFunctionName(text(input, 'FunctionName'));
    const found = this.#byName.get(name);
    if (found) return found;
    throw new AwsError('ResourceNotFoundException', `Function not found: ${name}`, 404);
  }
}

/** `name`, `name:$LATEST`, `123456789012:function:name` or a whole ARN. */
export function parseFunctionName(reference: string): string {
  const afterFunction = /(?:^|:)function:([^:]+)/.exec(reference)?.[1];
  return afterFunction ?? reference.split(':')[0] ?? reference;
}
