import type { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { gzipSync, strToU8 } from 'fflate';
import { EC2_MAX_USER_DATA_BYTES } from '../../lib/limits.ts';
import type { FleetSettings } from '../props/settings.ts';
import { BOOT_SCRIPT, type MachineFile, makeDropIns, readMachineFiles } from './machine-files.ts';

/** Bytes to allow for a name that only the deployment knows. Queue URLs are the longest. */
const BYTES_OF_A_REFERENCE = 160;

const PUT_IN_PLACE = '/usr/local/lib/mayfly/put-in-place';
/** Delimiter of the here-documents. No file may have such a line. */
const END = 'END-OF-FILE';

/**
 * Commands of the first boot. The dead man's timer starts as early as possible: after that an instance terminates even if its
 * boot hangs or it reboots.
 */
const COMMANDS = [
  ['sh', PUT_IN_PLACE],
  ['systemctl', 'daemon-reload'],
  ['systemctl', 'enable', '--now', 'mayfly-deadman.timer'],
  [BOOT_SCRIPT],
];

/** The user-data of the instances: files and commands for cloud-init. */
export function makeUserData(
  settings: FleetSettings,
  contents: { agentJson: string; treeJson: string },
): string {
  const own: MachineFile[] = [
    { path: '/etc/mayfly/agent.json', mode: '0644', content: contents.agentJson },
    { path: '/etc/mayfly/tree.json', mode: '0644', content: contents.treeJson },
    ...makeDropIns(settings),
  ];
  return [
    '#cloud-config',
    'write_files:',
    ...own.flatMap(formatLiteral),
    ...formatCompressed({ path: PUT_IN_PLACE, mode: '0644', content: makePutInPlace(readMachineFiles()) }),
    'runcmd:',
    ...COMMANDS.map((words) => `- [${words.join(', ')}]`),
    '',
  ].join('\n');
}

/** A literal block: its content needs no quoting, and one line of JSON stays one line when CloudFormation puts names in. */
function formatLiteral({ path, mode, content }: MachineFile): string[] {
  const lines = content.trimEnd().split('\n');
  return [
    ...formatHead(path, mode),
    '  content: |',
    ...lines.map((line) => (line === '' ? '' : `    ${line}`)),
  ];
}

/** A script that writes the files. Compressed together they are a quarter smaller. */
function makePutInPlace(files: readonly MachineFile[]): string {
  return files
    .map(({ path, mode, content }) => {
      const directory = path.slice(0, path.lastIndexOf('/'));
      return `mkdir -p ${directory}\ncat >${path} <<'${END}'\n${content}${END}\nchmod ${mode} ${path}\n`;
    })
    .join('');
}

/** Compressed because of the limit. Without a time stamp, so that the same file gives the same bytes. */
function formatCompressed({ path, mode, content }: MachineFile): string[] {
  const bytes = gzipSync(strToU8(content), { level: 9, mtime: 0 });
  return [
    ...formatHead(path, mode),
    '  encoding: gz+b64',
    `  content: ${Buffer.from(bytes).toString('base64')}`,
  ];
}

const formatHead = (path: string, mode: string): string[] => [`- path: ${path}`, `  permissions: '${mode}'`];

/** Refuses, at synth, user-data that is too long for a launch. */
export function validateUserDataSize(scope: Construct, stack: Stack, content: string): void {
  scope.node.addValidation({
    validate: () => {
      const bytes = measureBytes(stack.resolve(content));
      if (bytes <= EC2_MAX_USER_DATA_BYTES) return [];
      return [
        `user-data is about ${bytes} bytes; allowed: at most ${EC2_MAX_USER_DATA_BYTES}. command and environment are its ` +
          'parts that grow: put what is long into a file of the worker directory',
      ];
    },
  });
}

/** Bytes of a resolved text. Each part that is not literal counts as `BYTES_OF_A_REFERENCE`. */
export function measureBytes(resolved: unknown): number {
  if (typeof resolved === 'string') return Buffer.byteLength(resolved);
  const join = resolved as { 'Fn::Join'?: [string, unknown[]] };
  const parts = join['Fn::Join']?.[1];
  return parts ? parts.reduce<number>((sum, part) => sum + measureBytes(part), 0) : BYTES_OF_A_REFERENCE;
}
