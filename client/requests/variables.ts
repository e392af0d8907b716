/** Variables of a target, by name, as `parseVariables` and `parseHostVariables` read them. */
export type Variables = Readonly<Record<string, unknown>>;

/** A text, or what is wrong with it: what follows the target's name in a sentence. */
export type Reading = { text: string } | { problem: string };

/** A value that `ansible-inventory` does not resolve: Ansible does so in a play. */
class Unresolved {
  readonly kind: 'template' | 'vault';
  readonly text: string;

  constructor(kind: Unresolved['kind'], text: string) {
    this.kind = kind;
    this.text = text;
  }
}

/** Parses JSON. A number that would be written otherwise (`2.0`, more than 15 digits) stays as it is written. */
export function parseVariables(json: string): unknown {
  return sourceJson.parse(json, keepNumber);
}

/** Parses the JSON of `ansible-inventory --list`, as `parseVariables` does, with the marks that Ansible sets in it. */
export function parseHostVariables(json: string): unknown {
  return sourceJson.parse(json, (key, value, context) => {
    if (typeof value === 'string') return isTemplate(value) ? new Unresolved('template', value) : value;
    if (typeof value === 'object' && value !== null) return readMark(value);
    return keepNumber(key, value, context);
  });
}

/**
 * The text of a variable. Of a list or a dictionary it is JSON.
 *
 * @param path name of the variable. Dots lead into dictionaries: `tags.Family`.
 */
export function readVariable(variables: Variables, path: string): Reading {
  let value: unknown = variables;
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return { problem: `has no variable ${path}` };
    value = (value as Variables)[name];
  }
  return describeValue(value, path);
}

function describeValue(value: unknown, path: string): Reading {
  if (value === null) return { problem: `has no value in its variable ${path}, which is null` };
  const unresolved = findUnresolved(value);
  if (unresolved?.kind === 'vault')
    return { problem: `has a variable ${path} that Ansible Vault has encrypted` };
  if (unresolved !== undefined) {
    const quoted = JSON.stringify(unresolved.text.slice(0, LONGEST_QUOTE));
    return { problem: `has in its variable ${path} the template ${quoted}, which only a play resolves` };
  }
  return { text: typeof value === 'string' ? value : JSON.stringify(value) };
}

const LONGEST_QUOTE = 100;

function findUnresolved(value: unknown): Unresolved | undefined {
  if (value instanceof Unresolved) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const part of Object.values(value)) {
    const found = findUnresolved(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `AnsibleJSONEncoder` writes texts that are no templates, and texts that Ansible Vault has encrypted, as objects of one key. */
function readMark(value: object): unknown {
  if ('__ansible_vault' in value) return new Unresolved('vault', '');
  if (!('__ansible_unsafe' in value)) return value;
  const { __ansible_unsafe: unsafe } = value;
  return unsafe instanceof Unresolved ? unsafe.text : unsafe;
}

function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%');
}

function isObject(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Unresolved)
  );
}

function keepNumber(_key: string, value: unknown, { source }: Context): unknown {
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  return sourceJson.rawJSON(source);
}

interface Context {
  /** The text of a number, a string, true, false or null. */
  source?: string;
}

/** "JSON.parse source text access" of ECMAScript 2026: Node.js has it since 21, the compiler's `es2024` does not. */
interface SourceJson {
  parse(text: string, reviver: (key: string, value: unknown, context: Context) => unknown): unknown;
  rawJSON(text: string): object;
}

const sourceJson = JSON as unknown as SourceJson;
