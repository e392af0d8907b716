import { PlaybookWalk, type PlaybookWarning, type UnreadPart } from './playbook/walk.ts';

export type { PlaybookWarning, UnreadPart } from './playbook/walk.ts';

/** What was found in a playbook and in the files that it names. */
export interface PlaybookReport {
  /** In the order in which Ansible reads the files, those of a file by line. */
  warnings: PlaybookWarning[];
  /** Files and roles that were not found, not read, or that a variable names. */
  unread: UnreadPart[];
}

/**
 * Finds what means something else when a playbook runs once for each server, as a request runs it, and not once for all.
 *
 * It follows `import_playbook`, `import_tasks` and `include_tasks`, roles beside the playbook, templates, `vars_files` and the
 * variables beside the playbook. It does not need Ansible, and does not check that Ansible takes the playbook.
 *
 * @param playbook the path of a playbook on this machine
 */
export function findPlaybookWarnings(playbook: string): PlaybookReport {
  const walk = new PlaybookWalk();
  walk.playbook(playbook);
  const files = [...new Set(walk.warnings.map(({ file }) => file))];
  const warnings = files.flatMap((file) =>
    walk.warnings.filter((one) => one.file === file).sort((a, b) => a.line - b.line),
  );
  return { warnings, unread: walk.unread };
}
