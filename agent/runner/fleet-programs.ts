import type { Program } from './runner.ts';

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/** The commands of a fleet, as its owner wrote them. Jobs choose among them and bring none of their own. */
export interface FleetCommands {
  command: Command;
  instanceCheck?: Command | undefined;
  /** The prop `commands`: health checks and roll-backs, by their names. */
  commands?: ReadonlyMap<string, Command> | undefined;
}

/** A fleet's commands, with the absolute paths of their programs. */
export class FleetPrograms {
  readonly #commands: FleetCommands;
  readonly #found = new Map<string, Command>();

  constructor(commands: FleetCommands) {
    this.#commands = commands;
  }

  /**
   * Finds the programs of all commands.
   *
   * @param find returns the path of a program, or rejects with why it cannot be run; called for one program after the other
   */
  async find(find: (name: string) => Promise<string>): Promise<void> {
    for (const [key, [name, ...args]] of this.#all()) this.#found.set(key, [await find(name), ...args]);
  }

  /** Undefined: the fleet has no such command, or it was not found yet. */
  get(program: Program = 'worker'): Command | undefined {
    return this.#found.get(typeof program === 'string' ? program : named(program.command));
  }

  #all(): [key: string, Command][] {
    const { command, instanceCheck, commands = new Map<string, Command>() } = this.#commands;
    const others = [...commands].map(([name, words]): [string, Command] => [named(name), words]);
    return [
      ['worker', command],
      ...(instanceCheck ? [['instance-check', instanceCheck] as [string, Command]] : []),
      ...others,
    ];
  }
}

const named = (name: string): string => `command ${name}`;
