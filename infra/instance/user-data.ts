import type { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { gzipSync, strToU8 } from 'fflate';
import { LARGEST_USER_DATA_BYTES } from '../../lib/limits.ts';
import { BOOT_SCRIPT, dropIns, type MachineFile, machineFiles } from './machine-files.ts';
import type { FleetSettings } from '../props/settings.ts';

/** What a name that only the deployment knows may take: queue URLs are the longest. */
const BYTES_OF_A_REFERENCE = 160;

const PUT_IN_PLACE = '/usr/local/lib/mayfly/put-in-place';
/** Ends a file in the script: no line of one may be this. */
const END = 'END-OF-FILE';

/**
 * Once, at the first boot. The dead man's timer as early as can be: from then on no reboot and no hanging boot leaves a
 * machine that nothing ends.
 */
const COMMANDS = [
  ['sh', PUT_IN_PLACE],
  ['systemctl', 'daemon-reload'],
  ['systemctl', 'enable', '--now', 'mayfly-deadman.timer'],
  [BOOT_SCRIPT],
];

/** The user-data of every instance: files and commands, by cloud-init. */
export function userData(settings: FleetSettings, contents: { agentJson: string; treeJson: string }): string {
  const own: MachineFile[] = [
    { path: '/etc/mayfly/agent.json', mode: '0644', content: contents.agentJson },
    { path: '/etc/mayfly/tree.json', mode: '0644', content: contents.treeJson },
    ...dropIns(settings),
  ];
  return [
    '#cloud-config',
    'write_files:',
    ...own.flatMap(plain),
    ...packed({ path: PUT_IN_PLACE, mode: '0644', content: putInPlace(machineFiles()) }),
    'runcmd:',
    ...COMMANDS.map((words) => `- [${words.join(', ')}]`),
    '',
  ].join('\n');
}

/** Literal blocks: what is in them needs no quoting, and JSON of one line stays one when names are put in. */
function plain({ path, mode, content }: MachineFile): string[] {
  const lines = content.trimEnd().split('\n');
  return [...head(path, mode), '  content: |', ...lines.map((line) => (line === '' ? '' : `    ${line}`))];
}

/** One script that writes the files: packed together they are a quarter smaller. */
function putInPlace(files: readonly MachineFile[]): string {
  return files
    .map(({ path, mode, content }) => {
      const directory = path.slice(0, path.lastIndexOf('/'));
      return `mkdir -p ${directory}\ncat >${path} <<'${END}'\n${content}${END}\nchmod ${mode} ${path}\n`;
    })
    .join('');
}

/** For the sake of the limit. No time in it: the same file is the same bytes. */
function packed({ path, mode, content }: MachineFile): string[] {
  const bytes = gzipSync(strToU8(content), { level: 9, mtime: 0 });
  return [...head(path, mode), '  encoding: gz+b64', `  content: ${Buffer.from(bytes).toString('base64')}`];
}

const head = (path: string, mode: string): string[] => [`- path: ${path}`, `  permissions: '${mode}'`];

/** Refuses, at synth, user-data that no launch would accept. */
export function refuseTooMuchUserData(scope: Construct, stack: Stack, content: string): void {
  scope.node.addValidation({
    validate: () => {
      const bytes = sizeOf(stack.resolve(content));
      if (bytes <= LARGEST_USER_DATA_BYTES) return [];
      return [
        `user-data is about ${bytes} bytes; allowed: at most ${LARGEST_USER_DATA_BYTES}. command and environment are its ` +
          'parts that grow: put what is long into a file of the worker directory',
      ];
    },
  });
}

/** Bytes of a resolved text, in which whatever is not literal counts as a name of the usual length. */
export function sizeOf(resolved: unknown): number {
  if (typeof resolved === 'string') return Buffer.byteLength(resolved);
  const join = resolved as { 'Fn::Join'?: [string, unknown[]] };
  const parts = join['Fn::Join']?.[1];
  return parts ? parts.reduce<number>((sum, part) => sum + sizeOf(part), 0) : BYTES_OF_A_REFERENCE;
}
