import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isMap, isSeq, type Node, type YAMLMap } from 'yaml';
import { findNamed, findRole, findRoleFile, findVariableFiles, type Place } from './paths.ts';
import { findKeyword, meaningOf, type PlaybookKeyword } from './rules.ts';
import {
  type Entry,
  entriesOf,
  findVariables,
  mapsOf,
  readSource,
  type Source,
  textsOf,
  UnreadableError,
} from './source.ts';
import { findInTemplates } from './templates.ts';

/** Something of a playbook that means something else when the playbook runs once for each server. */
export interface PlaybookWarning {
  /** The path of the file, which begins as that of the playbook does. */
  file: string;
  line: number;
  keyword: PlaybookKeyword;
  /** What it means then, in sentences. */
  message: string;
}

/** A part of a playbook that was not looked at. */
export interface UnreadPart {
  /** The file that names it. */
  file: string;
  line: number;
  /** A sentence without its full stop. */
  reason: string;
}

const TASK_LISTS = ['tasks', 'pre_tasks', 'post_tasks', 'handlers', 'block', 'rescue', 'always'];

/** Follows a playbook through its files, and collects what it finds. */
export class PlaybookWalk {
  readonly warnings: PlaybookWarning[] = [];
  readonly unread: UnreadPart[] = [];
  readonly #seen = new Set<string>();

  playbook(file: string, namedAt?: UnreadPart): void {
    if (!existsSync(file))
      return void this.unread.push(namedAt ?? { file, line: 1, reason: 'There is no such file' });
    const place = { playbook: dirname(file) };
    this.#read(file, (source) => {
      for (const play of source.roots.flatMap(mapsOf)) this.#play(source, play, place);
    });
    for (const variables of findVariableFiles(place.playbook)) this.#variables(variables);
  }

  /** Reads a file once. A role that two plays have is warned of once. */
  #read(file: string, use: (source: Source) => void): void {
    if (this.#seen.has(file)) return;
    this.#seen.add(file);
    try {
      use(readSource(file));
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      this.unread.push({
        file,
        line: error.line,
        reason: `${basename(file)} cannot be read: ${error.message}`,
      });
    }
  }

  #play(source: Source, play: YAMLMap, place: Place): void {
    for (const entry of entriesOf(play)) {
      const name = shortName(entry.key);
      if (name === 'import_playbook') {
        this.#follow(source, entry, (text) =>
          this.playbook(join(dirname(source.file), text), missing(source, entry, text)),
        );
      } else if (name === 'roles') this.#roles(source, entry.node, place);
      else if (name === 'vars_files') this.#varsFiles(source, entry, place);
      else this.#common(source, entry, place, true);
    }
  }

  #tasks(source: Source, list: Node | null, place: Place): void {
    for (const task of mapsOf(list)) {
      for (const entry of entriesOf(task)) {
        const name = shortName(entry.key);
        if (/^(include|import)_tasks$|^include$/.test(name)) this.#includeTasks(source, entry, place);
        else if (/^(include|import)_role$/.test(name)) this.#includeRole(source, entry, place);
        else {
          if (name === 'template') this.#template(entry, source, place);
          this.#common(source, entry, place, false);
        }
      }
    }
  }

  /** What plays, blocks, roles and tasks have in common. */
  #common(source: Source, entry: Entry, place: Place, isPlay: boolean): void {
    if (TASK_LISTS.includes(entry.key) && isSeq(entry.node)) {
      this.#tasks(source, entry.node, place);
      return;
    }
    const keyword = findKeyword(entry.key, entry.value ?? entry.node, isPlay);
    if (keyword) this.#warn(source, keyword, entry.offset);
    // Whom a task is delegated to is one warning, not two.
    if (entry.key !== 'delegate_to') this.#variablesIn(source, entry.node, entry.key);
  }

  #variablesIn(source: Source, node: Node | null, key?: string): void {
    for (const { keyword, offset } of findVariables(source, node, key)) this.#warn(source, keyword, offset);
  }

  #warn(source: Pick<Source, 'file' | 'lineOf'>, keyword: PlaybookKeyword, offset: number): void {
    const { file } = source;
    const line = source.lineOf(offset);
    const isKnown = (one: PlaybookWarning) =>
      one.file === file && one.line === line && one.keyword === keyword;
    if (!this.warnings.some(isKnown))
      this.warnings.push({ file, line, keyword, message: meaningOf(keyword) });
  }

  #includeTasks(source: Source, entry: Entry, place: Place): void {
    const options = optionsOf(entry);
    this.#applied(source, options, place);
    this.#follow(source, options.get('file') ?? entry, (text) => {
      // `include` could have variables after the name of the file.
      const file = findNamed(text.split(/\s/)[0] ?? '', 'tasks', source.file, place);
      if (file) this.#taskFile(file, place);
      else this.unread.push(missing(source, entry, text));
    });
  }

  #taskFile(file: string, place: Place): void {
    this.#read(file, (tasks) => {
      for (const root of tasks.roots) this.#tasks(tasks, root, place);
    });
  }

  #includeRole(source: Source, entry: Entry, place: Place): void {
    const options = optionsOf(entry);
    this.#applied(source, options, place);
    const from = (key: string) => {
      const value = options.get(key)?.value;
      return typeof value === 'string' ? value : undefined;
    };
    const name = options.get('name');
    if (name) this.#role(source, name, place, { tasks: from('tasks_from'), handlers: from('handlers_from') });
  }

  /** Keywords in `apply` are those of the tasks that are included. */
  #applied(source: Source, options: Map<string, Entry>, place: Place): void {
    const applied = options.get('apply')?.node;
    if (isMap(applied)) for (const entry of entriesOf(applied)) this.#common(source, entry, place, false);
  }

  #roles(source: Source, list: Node | null, place: Place): void {
    for (const { text, offset } of isSeq(list) ? textsOf(list) : []) {
      this.#role(source, { key: 'role', offset, node: null, value: text }, place);
    }
    for (const role of mapsOf(list)) {
      for (const entry of entriesOf(role)) {
        if (entry.key === 'role' || entry.key === 'name') this.#role(source, entry, place);
        else this.#common(source, entry, place, false);
      }
    }
  }

  #role(
    source: Source,
    entry: Entry,
    { playbook }: Place,
    from: { tasks?: string | undefined; handlers?: string | undefined } = {},
  ): void {
    this.#follow(source, entry, (name) => {
      const role = findRole(name, { playbook });
      if (!role) return void this.unread.push(missing(source, entry, `the role ${name}`));
      const place = { playbook, role };
      for (const [part, file] of [
        ['tasks', from.tasks ?? 'main'],
        ['handlers', from.handlers ?? 'main'],
      ] as const) {
        const found = findRoleFile(role, part, file.replace(/\.ya?ml$/, ''));
        if (found) this.#taskFile(found, place);
      }
      for (const part of ['defaults', 'vars']) {
        const found = findRoleFile(role, part, 'main');
        if (found) this.#variables(found);
      }
      const meta = findRoleFile(role, 'meta', 'main');
      if (meta) this.#dependencies(meta, place);
    });
  }

  #dependencies(file: string, place: Place): void {
    this.#read(file, (meta) => {
      const entries = meta.roots.flatMap((root) => (isMap(root) ? entriesOf(root) : []));
      for (const { key, node } of entries) if (key === 'dependencies') this.#roles(meta, node, place);
    });
  }

  #varsFiles(source: Source, { key, node }: Entry, place: Place): void {
    for (const { text, offset } of textsOf(node)) {
      this.#follow(source, { key, offset, node: null, value: text }, (name) => {
        const file = findNamed(name, 'vars', source.file, place);
        if (file) this.#variables(file);
      });
    }
  }

  #variables(file: string): void {
    this.#read(file, (variables) => {
      for (const root of variables.roots) this.#variablesIn(variables, root);
    });
  }

  /** A file of Jinja2: templates as a whole. */
  #template(entry: Entry, source: Source, place: Place): void {
    const name = optionsOf(entry).get('src')?.value;
    const file = typeof name === 'string' ? findNamed(name, 'templates', source.file, place) : undefined;
    if (!file || this.#seen.has(file)) return;
    this.#seen.add(file);
    const text = readFileSync(file, 'utf8');
    const lineOf = (offset: number) => text.slice(0, offset).split('\n').length;
    for (const { keyword, offset } of findInTemplates(text)) this.#warn({ file, lineOf }, keyword, offset);
  }

  /** Goes on with a name. One that a variable decides is not known before the run. */
  #follow(source: Source, entry: Entry, go: (text: string) => void): void {
    if (typeof entry.value !== 'string') return;
    const place = { file: source.file, line: source.lineOf(entry.offset) };
    if (entry.value.includes('{{')) {
      this.unread.push({ ...place, reason: `A variable decides what ${JSON.stringify(entry.value)} is` });
    } else go(entry.value);
  }
}

const shortName = (key: string): string => key.replace(/^ansible\.(builtin|legacy)\./, '');

const missing = (source: Source, { offset }: Entry, what: string): UnreadPart => ({
  ...{ file: source.file, line: source.lineOf(offset) },
  reason: `${what} is not beside the playbook`,
});

/** The options of a task: those of an object; of a text (`src=a dest=b`) those with `=`. */
function optionsOf({ node, value, offset }: Entry): Map<string, Entry> {
  if (isMap(node)) return new Map(entriesOf(node).map((entry) => [entry.key, entry]));
  const words = typeof value === 'string' ? [...value.matchAll(/(\w+)=(\S+)/g)] : [];
  return new Map(words.map(([, key = '', text]) => [key, { key, offset, node: null, value: text }]));
}
