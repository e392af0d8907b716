import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Document, isMap, isScalar, isSeq, parseDocument, type Tags, visit } from 'yaml';
import { FleetPropsError, formatValue } from '../props/errors.ts';

/** How the instance's playbook runs the owner's set-up. */
export type SetupKind = 'program' | 'playbook' | 'tasks' | 'role';

export interface Setup {
  /** Below the worker directory. */
  path: string;
  kind: SetupKind;
}

/** The props that the set-up consists of. */
export interface SetupProps {
  setup?: string | undefined;
  setupVaultPassword?: object | undefined;
}

/** Tags of Ansible, with the nodes that they are allowed on (its `AnsibleConstructor`). Others than YAML's own are errors. */
const ANSIBLE_TAGS: Tags = [
  { tag: '!unsafe', resolve: (value: string) => value },
  { tag: '!unsafe', collection: 'map', resolve: (value: unknown) => value },
  { tag: '!unsafe', collection: 'seq', resolve: (value: unknown) => value },
  { tag: '!vault', resolve: (value: string) => value },
  { tag: '!vault-encrypted', resolve: (value: string) => value },
];
const VAULT_TAGS = new Set(['!vault', '!vault-encrypted']);
/** The first word of a file that `ansible-vault encrypt` has encrypted. */
const VAULT_HEADER = '$ANSIBLE_VAULT;';
/** A play has hosts or imports a playbook; a task does neither. */
const KEYS_OF_PLAYS = ['hosts', 'import_playbook', 'ansible.builtin.import_playbook'];

/**
 * The owner's set-up in the worker directory; undefined if there is none.
 *
 * Throws a `FleetPropsError` for a set-up that no instance could run: each boot would fail.
 */
export function readSetup(where: string, workers: string, props: SetupProps): Setup | undefined {
  const { setup: given } = props;
  if (given === undefined) return undefined;
  const refuse = refusing(where, 'setup', given);
  const { path, file } = resolveInWorkers(workers, given, refuse);
  const status = statSync(file);
  if (status.isDirectory()) return { path, kind: checkRole(where, file, props, refuse) };
  if (/\.ya?ml$/.test(file)) return { path, kind: checkYamlFile(where, file, props, refuse) };
  if ((status.mode & 0o111) === 0 && process.platform !== 'win32') {
    refuse(`an executable script, a .yml file or a role (chmod +x ${file})`);
  }
  return { path, kind: 'program' };
}

/**
 * The file of the roles and collections that the set-up needs, as a path below the worker directory.
 *
 * Throws a `FleetPropsError` for one that `ansible-galaxy` cannot read.
 */
export function checkRequirements(where: string, workers: string, given?: string): string | undefined {
  if (given === undefined) return undefined;
  const refuse = refusing(where, 'setupRequirements', given);
  const { path, file } = resolveInWorkers(workers, given, refuse);
  if (!statSync(file).isFile()) refuse(`a file (${file} is not one)`);
  const { contents } = parseYaml(file, refuse);
  const named = isMap(contents) ? contents.items.map(({ key }) => String(key)) : [];
  const known = named.length > 0 && named.every((key) => ['roles', 'collections'].includes(key));
  if (!known && !(isSeq(contents) && contents.items.length > 0)) {
    refuse('a file with "roles" and "collections", or with a list of roles');
  }
  return path;
}

type Refuse = (allowed: string) => never;

const refusing = (where: string, key: string, given: string): Refuse => {
  return (allowed) => {
    throw new FleetPropsError(where, key, formatValue(given), allowed);
  };
};

function resolveInWorkers(workers: string, given: string, refuse: Refuse): { path: string; file: string } {
  const file = resolve(workers, given);
  const path = relative(workers, file);
  if (path === '' || path.startsWith('..')) refuse('a path below the worker directory');
  if (!existsSync(file)) refuse(`a file or directory of the worker directory (no ${file})`);
  return { path: path.replaceAll('\\', '/'), file };
}

/** Checks a role. Its list of tasks may be empty, or encrypted as a whole. */
function checkRole(where: string, directory: string, props: SetupProps, refuse: Refuse): SetupKind {
  const names = ['main.yml', 'main.yaml'].map((name) => join(directory, 'tasks', name));
  const file = names.find((name) => existsSync(name));
  if (file === undefined) return refuse(`the directory of a role (no ${names[0]})`);
  if (isEncrypted(file)) {
    needVaultPassword(where, `${file} is encrypted`, props);
    return 'role';
  }
  const document = parseYaml(file, refuse);
  if (hasVaultValues(document)) needVaultPassword(where, describeEncrypted(file), props);
  if (!isSeq(document.contents) && !isEmpty(document)) refuse(`a role with a list of tasks in ${file}`);
  return 'role';
}

function checkYamlFile(where: string, file: string, props: SetupProps, refuse: Refuse): SetupKind {
  if (isEncrypted(file)) {
    refuse(
      'a file that is not encrypted as a whole: encrypt the values in it (ansible-vault encrypt_string), or a file of ' +
        'variables that it includes',
    );
  }
  const document = parseYaml(file, refuse);
  const { contents } = document;
  const [first] = isSeq(contents) ? contents.items : [];
  if (!isMap(first))
    refuse(`a .yml file with a list of tasks or plays (it is ${describeDocument(document)})`);
  if (hasVaultValues(document)) needVaultPassword(where, describeEncrypted(file), props);
  return isMap(first) && KEYS_OF_PLAYS.some((key) => first.has(key)) ? 'playbook' : 'tasks';
}

/** Without the password Ansible fails at the first use of an encrypted value. */
function needVaultPassword(where: string, why: string, props: SetupProps): void {
  if (props.setupVaultPassword) return;
  const allowed = `an SSM parameter with the vault's password, as ${why}`;
  throw new FleetPropsError(where, 'setupVaultPassword', 'undefined', allowed);
}

const describeEncrypted = (file: string): string => `${file} has values that are encrypted (!vault)`;

function hasVaultValues(document: Document): boolean {
  let found = false;
  visit(document, {
    Scalar: (_, { tag }) => {
      found ||= tag !== undefined && VAULT_TAGS.has(tag);
    },
  });
  return found;
}

const isEncrypted = (file: string): boolean => readFileSync(file, 'utf8').startsWith(VAULT_HEADER);

const isEmpty = ({ contents }: Document): boolean =>
  contents === null || (isScalar(contents) && contents.value === null);

function describeDocument(document: Document): string {
  if (isEmpty(document)) return 'empty';
  return isSeq(document.contents) ? 'a list of something else' : 'no list';
}

/**
 * Reads a file as Ansible does: YAML 1.1, and of two equal keys the last. A tag without a constructor is an error; `yaml` only
 * warns of it.
 */
function parseYaml(file: string, refuse: Refuse): Document {
  const document = parseDocument(readFileSync(file, 'utf8'), {
    version: '1.1',
    uniqueKeys: false,
    customTags: (tags) => [...tags, ...ANSIBLE_TAGS],
  });
  const unknown = document.warnings.filter(({ code }) => code === 'TAG_RESOLVE_FAILED');
  const [problem] = [...document.errors, ...unknown];
  const [sentence = ''] = problem?.message.split('\n') ?? [];
  if (problem) refuse(`a file that Ansible can read (${file}: ${sentence.replace(/:$/, '')})`);
  return document;
}
