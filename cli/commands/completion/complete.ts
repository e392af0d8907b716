import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  /** Replaces the word. */
  value: string;
  description: string;
}

export interface Completion {
  candidates: Candidate[];
  /** Whether the shell also completes file names. */
  files: boolean;
  /** What to ask AWS for: see `lookUp`. */
  lookUp?: LookUpRequest;
}

/** A request for candidates from AWS. */
export interface LookUpRequest {
  kind: 'job' | 'instance' | 'stack' | 'fleet' | 'request' | 'group' | 'lane' | 'command';
  /** The verb, such as `cancel` or `dlq redrive`. */
  verb: string;
  /** The word as typed so far, and the text to put before each candidate. */
  word: string;
  prefix: string;
  /** Options that were typed with a value, by attribute name. */
  typed: Readonly<Record<string, string>>;
}

const NOTHING: Completion = { candidates: [], files: false };

/**
 * The candidates for the last word of a command line.
 *
 * @param words all words after the program's name, up to the cursor. The last one may be empty. bash splits `--state=run`
 *   into three words, one of which is `=`.
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? '';
  const place = parse(program, word === '=' ? [...before, word] : before);
  const { command, parent, awaited, position, literal } = place;
  if (awaited) return valuesOf(awaited, word === '=' ? '' : word, '', place);
  if (!literal && word.startsWith('-')) return completeOption(command, word, place);
  const first = word === '' && position === 0;
  const found = position === 0 ? subcommands(command, word) : [];
  const argument = argumentAt(command, position);
  const { candidates, files } = argument ? argumentValues(command, parent, argument, word) : NOTHING;
  const all = [...found, ...candidates];
  const wanted = argument && wantedFor(ARGUMENTS[argument.name()], word, '', place);
  // With no other candidate, it shows the options.
  const options = all.length === 0 && !files && first ? completeOption(command, '--', place) : undefined;
  return { candidates: options?.candidates ?? all, files, ...(wanted && { lookUp: wanted }) };
}

type Kinds = Readonly<Record<string, LookUpRequest['kind']>>;

/** What arguments and options take, by their names. */
const ARGUMENTS: Kinds = {
  id: 'job',
  ids: 'job',
  instance: 'instance',
  request: 'request',
  group: 'group',
  job: 'lane',
};
const OPTIONS: Kinds = {
  instance: 'instance',
  stack: 'stack',
  fleet: 'fleet',
  request: 'request',
  group: 'group',
  healthy: 'command',
  'on-failure': 'command',
};

function wantedFor(
  kind: LookUpRequest['kind'] | undefined,
  word: string,
  prefix: string,
  place: Place,
): LookUpRequest | undefined {
  const { command, parent, typed } = place;
  const verb = parent?.parent ? `${parent.name()} ${command.name()}` : command.name();
  return kind && { kind, verb, word, prefix, typed };
}

/** What the words before the cursor say. */
interface Place {
  command: Command;
  parent: Command | undefined;
  /** The option whose value comes next. */
  awaited: Option | undefined;
  /** The number of arguments before the cursor. */
  position: number;
  /** Whether `--` was typed: no later word is an option. */
  literal: boolean;
  /** Options with a value, by attribute name. */
  typed: Record<string, string>;
}

function parse(program: Command, words: readonly string[]): Place {
  const place: Place = {
    command: program,
    parent: undefined,
    awaited: undefined,
    position: 0,
    literal: false,
    typed: {},
  };
  let last: Option | undefined;
  for (const word of words) {
    if (word === '=' && last) {
      place.awaited = last;
    } else if (place.awaited) {
      place.typed[place.awaited.attributeName()] = word;
      place.awaited = undefined;
    } else if (!place.literal && word === '--') {
      place.literal = true;
    } else if (!place.literal && word.startsWith('-') && word !== '-') {
      const [name = '', value] = word.split('=', 2);
      last = optionNamed(place.command, name);
      if (last && value !== undefined) place.typed[last.attributeName()] = value;
      place.awaited = last && takesValue(last) && value === undefined ? last : undefined;
    } else {
      step(place, word);
    }
  }
  return place;
}

function step(place: Place, word: string): void {
  const below =
    place.position === 0 ? visible(place.command).find((command) => command.name() === word) : undefined;
  if (below) [place.command, place.parent] = [below, place.command];
  else place.position += 1;
}

function optionNamed(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short }) => word === long || word === short);
}

const takesValue = ({ required, optional }: Option) => required || optional;
const shown = (prefix: string) => (candidate: Candidate) => candidate.value.startsWith(prefix);

function completeOption(command: Command, word: string, place: Place): Completion {
  const [name = '', value] = word.split('=', 2);
  const option = value === undefined ? undefined : optionNamed(command, name);
  if (value !== undefined)
    return option && takesValue(option) ? valuesOf(option, value, `${name}=`, place) : NOTHING;
  const candidates = command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short, description }) => ({ value: long ?? short ?? '', description }));
  return { candidates: candidates.filter(shown(word)), files: false };
}

function valuesOf(option: Option, word: string, prefix: string, place: Place): Completion {
  const candidates = (option.argChoices ?? []).map((choice) => ({ value: prefix + choice, description: '' }));
  const wanted = wantedFor(OPTIONS[option.name()], word, prefix, place);
  return {
    candidates: candidates.filter(shown(prefix + word)),
    files: namesFile(option.flags),
    ...(wanted && { lookUp: wanted }),
  };
}

/** Whether the value is a file: the placeholder tells, as in `--file <file>` and `--directory <path>`. */
function namesFile(placeholder: string): boolean {
  return /(file|path|directory)[\].>]*$/.test(placeholder);
}

function subcommands(command: Command, word: string): Candidate[] {
  return visible(command)
    .map((below) => ({ value: below.name(), description: below.summary() || below.description() }))
    .filter(shown(word));
}

const visible = (command: Command) => command.createHelp().visibleCommands(command);

function argumentAt(command: Command, position: number): Argument | undefined {
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  return registeredArguments[position] ?? (last?.variadic ? last : undefined);
}

function argumentValues(
  command: Command,
  parent: Command | undefined,
  argument: Argument,
  word: string,
): Completion {
  if (parent && command.name() === 'help') return { candidates: subcommands(parent, word), files: false };
  const candidates = (argument.argChoices ?? []).map((choice) => ({ value: choice, description: '' }));
  return { candidates: candidates.filter(shown(word)), files: namesFile(argument.name()) };
}
