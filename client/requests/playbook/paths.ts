import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where a file belongs, which decides where the files that it names are looked for. */
export interface Place {
  /** The directory of the playbook. */
  playbook: string;
  /** The directory of the role that the file is in. */
  role?: string | undefined;
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

/** Finds a file that another one names, in a `kind` directory such as `tasks`, or beside it. */
export function findNamed(name: string, kind: string, from: string, place: Place): string | undefined {
  const bases = [place.role, dirname(from), place.playbook].filter((base) => base !== undefined);
  return bases.flatMap((base) => [join(base, kind, name), join(base, name)]).find(isFile);
}

/** Finds the directory of a role: beside the playbook, or below `roles` there. */
export function findRole(name: string, place: Place): string | undefined {
  const paths = [join(place.playbook, 'roles', name), join(place.playbook, name)];
  return paths.find((path) => ['tasks', 'meta', 'handlers'].some((part) => existsSync(join(path, part))));
}

const EXTENSIONS = ['', '.yml', '.yaml', '.json'];

/** A file of a role by a name without extension, such as `tasks/main`. */
export function findRoleFile(role: string, part: string, name: string): string | undefined {
  return EXTENSIONS.map((extension) => join(role, part, `${name}${extension}`)).find(isFile);
}

/** The files of variables that Ansible reads by itself: `group_vars` and `host_vars` beside the playbook. */
export function findVariableFiles(playbook: string): string[] {
  return ['group_vars', 'host_vars']
    .map((name) => join(playbook, name))
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name)),
    )
    .filter((path) => /\.(ya?ml|json)$|\/[^.]+$/.test(path) && isFile(path))
    .sort();
}
