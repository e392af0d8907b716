import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentHash } from '../../../infra/bundle/staging.ts';
import { packageRoot } from '../../../lib/package-files.ts';
import {
  type Answers,
  FakeMachine,
  refusal,
  type ScriptResult,
  TREE_JSON as WITHOUT_HASH,
} from '../../support/fake-machine.ts';

const BOOT = '/usr/local/sbin/mayfly-boot';

let machine: FakeMachine;
beforeEach(() => {
  machine = new FakeMachine();
  machine.put('/etc/mayfly/tree.json', JSON.stringify(TREE_JSON));
  serve(FILES);
});
afterEach(() => machine.remove());

type Files = Record<string, [content: string, mode: number]>;

/** The order of the last two differs between UTF-16 and code points. */
const FILES: Files = {
  'ansible/local.yml': ['', 0o644],
  'ansible/prepare-setup.sh': [readFileSync(join(packageRoot, 'ansible/prepare-setup.sh'), 'utf8'), 0o644],
  'worker/run': ['#!/bin/sh\n', 0o755],
  'worker/run.txt': ['notes', 0o644],
  'worker/\u{1F600}': ['one', 0o644],
  'worker/\uFB00': ['two', 0o644],
};

/** The asset in the bucket, zipped as the CDK CLI does. */
function serve(files: Files): void {
  const entries = Object.entries(files).map(([name, [content, mode]]) => [
    name,
    [new TextEncoder().encode(content), { os: 3, attrs: (mode << 16) >>> 0 }],
  ]);
  writeFileSync(join(machine.root, 'tree.zip'), zipSync(Object.fromEntries(entries)));
}

/** The hash that the deployment makes of a directory. */
function hashOf(files: Files): string {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-tree-'));
  try {
    for (const [name, [content, mode]] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
      chmodSync(join(directory, name), mode);
    }
    return contentHash(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const TREE_JSON = { ...WITHOUT_HASH, contentHash: hashOf(FILES) };

const note = `echo "\${0##*/} $*" >>"$MAYFLY_ROOT/calls"`;
/** Debian with its packages installed. The playbook leaves its marker. */
const PROGRAMS = {
  git: '[ "$3" != commit ] || exit 1; exit 0',
  'apt-get': note,
  'dpkg-query': 'echo git 1:2.39.5',
  'ansible-galaxy': note,
  'ansible-pull': `${note}
case "$*" in *'"mayfly_agent_bake": true'*) mark=baked ;; *) mark=booted ;; esac
echo 'TASK [mayfly_agent : All of it] *****'
: >"$MAYFLY_ROOT/var/lib/mayfly-boot/$mark"`,
};
const ASSETS = `case "$action" in GetObject)
  for word; do [ "$last" != -o ] || to=$word; last=$word; done
  case "$to" in *tree.zip) cp "$MAYFLY_ROOT/tree.zip" "$to" ;; *) echo node >"$to" ;; esac ;;
esac`;

/** The calls without the arguments that tests do not check. */
const kinds = ({ calls }: ScriptResult) => calls.map((call) => call.split(' ').slice(0, 3).join(' '));
const boot = ({ programs, ...answers }: Answers = {}, words: string[] = []) =>
  machine.run(BOOT, { aws: ASSETS, ...answers, programs: { ...PROGRAMS, ...programs } }, words);

describe('a boot', () => {
  it('downloads the tree and Node.js with the credentials of the role and runs the playbook', async () => {
    const outcome = await boot();
    expect(outcome.status, outcome.output).toBe(0);
    expect(outcome.calls).toEqual([
      'GetObject https://s3.us-east-1.amazonaws.com/assets/tree.zip',
      'GetObject https://s3.us-east-1.amazonaws.com/assets/node.tgz',
      expect.stringMatching(
        /^ansible-pull -i localhost, -U .*\/opt\/mayfly\/tree -d .* ansible\/local\.yml$/,
      ),
    ]);
    expect(outcome.calls[2]).toContain('"mayfly_agent_bake": false');
  });

  const clock = (ahead: number) => `case "$*" in
  +%s) echo ${1_790_000_000 + ahead} ;;
  '-d Mon, 21 Sep 2026 14:13:20 GMT +%s') echo 1790000000 ;;
  *) ${note} ;;
esac`;
  it.each([
    [-1200, ['date -u -s Mon, 21 Sep 2026 14:13:20 GMT']],
    [1200, ['date -u -s Mon, 21 Sep 2026 14:13:20 GMT']],
    [59, []],
    [-59, []],
  ])('of an instance whose clock is %d s ahead sets it before it signs a call', async (ahead, sets) => {
    machine.put('/headers', 'HTTP/1.1 401 Unauthorized\r\nDate: Mon, 21 Sep 2026 14:13:20 GMT\r\n\r\n');
    const { status, calls } = await boot({ programs: { date: clock(ahead) } });
    expect(status).toBe(0);
    expect(calls.slice(0, -3)).toEqual(sets);
  });

  it('continues if the metadata service has no time that can be read', async () => {
    machine.put('/headers', 'HTTP/1.1 401 Unauthorized\r\nDate: soon\r\n\r\n');
    const { status, output } = await boot();
    expect(status).toBe(0);
    expect(output).toContain('the clock cannot be set');
  });

  it('continues with a clock that cannot be set', async () => {
    machine.put('/headers', 'HTTP/1.1 401 Unauthorized\r\ndate: Mon, 21 Sep 2026 14:13:20 GMT\r\n\r\n');
    const date = `case "$1" in -u) exit 1 ;; esac; ${clock(1200)}`;
    const { status, output } = await boot({ programs: { date } });
    expect(status).toBe(0);
    expect(output).toContain('the clock cannot be set');
  });

  it('does not download a Node.js that is installed', async () => {
    machine.put('/opt/mayfly/node/integrity', TREE_JSON.node.integrity);
    expect(kinds(await boot())).toEqual([expect.stringContaining('tree.zip'), 'ansible-pull -i localhost,']);
  });

  it("lets only root read the playbook's output", async () => {
    await boot();
    expect(machine.read('/run/mayfly-boot/ansible.log')).toContain('TASK [mayfly_agent : All of it]');
    expect(statSync(join(machine.root, 'run/mayfly-boot/ansible.log')).mode & 0o777).toBe(0o600);
  });

  it('unpacks the tree with its execute bits and no other mode, as the hash covers only these', async () => {
    serve({ ...FILES, 'worker/run': ['#!/bin/sh\n', 0o777], 'worker/run.txt': ['notes', 0o666] });
    const { status, output } = await boot();
    expect(status, output).toBe(0);
    const modeOf = (file: string) => statSync(join(machine.root, 'opt/mayfly/tree', file)).mode & 0o777;
    expect([modeOf('worker/run'), modeOf('worker/run.txt')]).toEqual([0o755, 0o644]);
  });

  it('writes files that agent and workers can read, with any umask', async () => {
    machine.put('/strict', `umask 077; . "$MAYFLY_ROOT${BOOT}"\n`);
    await machine.run('/strict', { aws: ASSETS, programs: PROGRAMS });
    const { mode } = statSync(join(machine.root, 'opt/mayfly/tree/ansible'));
    expect(mode & 0o777).toBe(0o755);
  });

  it('sends requests to AWS_ENDPOINT_URL, as any SDK does', async () => {
    machine.put('/elsewhere', `AWS_ENDPOINT_URL=http://198.18.0.1:4566 . "$MAYFLY_ROOT${BOOT}"\n`);
    const curl = 'case "$*" in *http://198.18.0.1:4566/assets/tree.zip*) exit 0 ;; esac; exit 7';
    const { output } = await machine.run('/elsewhere', {
      programs: { ...PROGRAMS, curl: `${NO_METADATA}\n${curl}` },
    });
    expect(output).toContain('fetch Node.js');
  });
});

/** A metadata service with only what the first call needs. */
const NO_METADATA = `case "$*" in *169.254*credentials/role) echo '{"AccessKeyId":"K","SecretAccessKey":"S","Token":"T"}'; exit ;;
*169.254*) echo role; exit ;; esac`;

describe('packages', () => {
  const without = (names: string[], manager: string) => {
    const installed = `${note}\nfor name in ${names.join(' ')}; do cp "$MAYFLY_ROOT/later/$name" "$MAYFLY_ROOT/stubs/$name"; done`;
    const programs: Record<string, string> = { ...PROGRAMS, [manager]: installed, rpm: 'echo git-core-2.40' };
    for (const name of names) {
      machine.put(`/later/${name}`, `#!/bin/sh\n${programs[name]}\n`, 0o755);
      delete programs[name];
    }
    if (manager !== 'apt-get') delete programs['apt-get'];
    return programs;
  };

  it.each([
    ['Amazon Linux 2023', 'dnf', ['dnf -y -q install git-core ansible-core'], 'git-core-2.40'],
    [
      'Debian 12 and Ubuntu 24.04',
      'apt-get',
      [
        'apt-get -q -o DPkg::Lock::Timeout=300 update',
        'apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install git ansible-core',
      ],
      'git 1:2.39.5',
    ],
  ])(
    'on %s are installed by %s, and their versions are in the log',
    async (_, manager, expected, version) => {
      const programs = without(['git', 'ansible-pull'], manager);
      const outcome = await machine.run(BOOT, { aws: ASSETS, programs });
      expect(outcome.status, outcome.output).toBe(0);
      expect(outcome.calls.filter((call) => call.startsWith(manager))).toEqual(expected);
      expect(outcome.output).toContain(version);
    },
  );

  it('are retried for three minutes while the lock is held or the mirror is down', async () => {
    const programs = { ...without(['git', 'ansible-pull'], 'apt-get'), 'apt-get': `${note}; exit 100` };
    const outcome = await machine.run(BOOT, { aws: ASSETS, programs });
    expect(outcome.calls.filter((call) => call.startsWith('apt-get'))).toHaveLength(9);
    expect(outcome.sleptSeconds).toBe(180);
    expect(machine.read('/var/lib/mayfly-boot/boot-failed')).toBe(
      'boot-failed could not install git and ansible-core (status 1)\n',
    );
  });
});

const ENDS = [
  'systemctl stop --no-block mayfly-agent.service',
  'systemctl start --no-block mayfly-retire.service',
];
const why = () => machine.read('/var/lib/mayfly-boot/boot-failed');

describe("what the owner's set-up needs", () => {
  const NEEDS = { setup: 'setup.yml', setupKind: 'tasks' };
  const needing = (needs: object) =>
    machine.put('/etc/mayfly/tree.json', JSON.stringify({ ...TREE_JSON, ...NEEDS, ...needs }));
  const PARAMETER = { setupVaultPassword: '/pictures/vault' };
  const REQUIREMENTS = { setupRequirements: 'requirements.yml' };
  const GALAXY = 'ansible-galaxy install --force -r requirements.yml';
  const password = () => join(machine.root, 'run/mayfly-boot/vault-password');
  /** Instead of the playbook: prints what it finds of the password. */
  const looks = `cat "$ANSIBLE_VAULT_PASSWORD_FILE" >"$MAYFLY_ROOT/found"
cp -p "$ANSIBLE_VAULT_PASSWORD_FILE" "$MAYFLY_ROOT/copy"`;
  const answering = (answer: string) => `${ASSETS}\ncase "$action" in GetParameter) ${answer} ;; esac`;
  const aws = answering(`echo '{"Parameter": {"Name": "/pictures/vault", "Value": "open \\"sesame\\""}}'`);

  it.each([
    ['comes to its end', PROGRAMS['ansible-pull'], 0],
    ['fails', `[ "$1" != --version ] || exit 0\n${note}; exit 2`, 1],
  ])(
    'of the password of a vault is in memory for root alone until the playbook %s',
    async (_, playbook, status) => {
      needing(PARAMETER);
      const programs = { 'ansible-pull': `${looks}\n${playbook}` };
      const outcome = await boot({ aws, programs });
      expect(outcome.status, outcome.output).toBe(status);
      expect(outcome.calls.slice(2, 4)).toEqual(['GetParameter', expect.stringMatching(/^ansible-pull -i/)]);
      expect(machine.read('/found')).toBe('open "sesame"');
      expect(statSync(join(machine.root, 'copy')).mode & 0o777).toBe(0o600);
      expect(existsSync(password())).toBe(false);
      expect(outcome.output).not.toContain('sesame');
    },
  );

  it('of the password is requested by its name, decrypted', async () => {
    needing(PARAMETER);
    const curl = `case "$*" in *GetParameter*) printf '%s\\n' "$@" >"$MAYFLY_ROOT/argv" ;; esac`;
    await boot({ aws: `${curl}\n${aws}` });
    const words = machine.read('/argv').split('\n');
    expect(words).toContain('{"Name": "/pictures/vault", "WithDecryption": true}');
    expect(words).toContain('https://ssm.us-east-1.amazonaws.com/');
    expect(words).toContain('aws:amz:us-east-1:ssm');
  });

  it('of a password that AWS refuses five times ends the boot with the message of AWS', async () => {
    needing(PARAMETER);
    const { calls, sleptSeconds } = await boot({
      aws: answering(`echo '{"__type": "ParameterNotFound"}'; exit 22`),
    });
    expect(calls.slice(2)).toEqual([...Array(5).fill('GetParameter'), ...ENDS]);
    expect(sleptSeconds).toBe(50);
    expect(why()).toBe(
      'boot-failed could not fetch the vault password of the set-up, the SSM parameter /pictures/vault: ' +
        '{"__type": "ParameterNotFound"} (status 1)\n',
    );
    expect(existsSync(password())).toBe(false);
  });

  it('of a password in an answer that cannot be read ends the boot and logs nothing of it', async () => {
    needing(PARAMETER);
    const { output, status } = await boot({ aws: answering(`echo '{"Parameter": "sesame"'`) });
    expect(status).toBe(1);
    expect(why()).toMatch(/vault: the answer of AWS cannot be read \(status 1\)$/m);
    expect(output + why()).not.toContain('sesame');
  });

  it.each([18, 28])(
    'of a password whose answer breaks off says nothing of it: status %d of curl',
    async (status) => {
      needing(PARAMETER);
      const part = `printf '%s' '{"Parameter": {"Value": "sesame'; exit ${status}`;
      const { output, calls } = await boot({ aws: answering(part) });
      expect(calls.slice(2)).toEqual([...Array(5).fill('GetParameter'), ...ENDS]);
      expect(why()).toMatch(new RegExp(`vault: curl ended with status ${status} \\(status 1\\)$`, 'm'));
      expect(output + why()).not.toContain('sesame');
    },
  );

  it('of roles and collections is installed in the worker directory before the playbook', async () => {
    needing(REQUIREMENTS);
    const programs = { 'ansible-galaxy': `${note}; echo "$PWD" >"$MAYFLY_ROOT/found"` };
    const { calls, status, output } = await boot({ programs });
    expect(status, output).toBe(0);
    expect(calls.slice(2)).toEqual([
      'ansible-galaxy --version',
      GALAXY,
      expect.stringMatching(/^ansible-pull -i/),
    ]);
    expect(machine.read('/found')).toMatch(/\/opt\/mayfly\/tree\/worker\n$/);
  });

  it('of roles and collections is tried five times; then the boot ends with the message of Ansible', async () => {
    needing(REQUIREMENTS);
    const galaxy = `${note}
[ "$1" = --version ] || { echo 'Starting galaxy collection install process'; echo 'ERROR! Unknown error'; exit 1; }`;
    const { calls } = await boot({ programs: { 'ansible-galaxy': galaxy } });
    expect(calls.slice(3)).toEqual([...Array(5).fill(GALAXY), ...ENDS]);
    expect(why()).toBe(
      'boot-failed could not install the roles and collections of requirements.yml: ERROR! Unknown error (status 1)\n',
    );
  });

  it('of roles and collections renews an Ansible that does not start', async () => {
    needing(REQUIREMENTS);
    const galaxy = `${note}; [ -e "$MAYFLY_ROOT/renewed" ]`;
    const programs = { 'ansible-galaxy': galaxy, 'apt-get': `${note}; : >"$MAYFLY_ROOT/renewed"` };
    const outcome = await boot({ programs });
    expect(outcome.status, outcome.output).toBe(0);
    expect(kinds(outcome).slice(2)).toEqual([
      'ansible-galaxy --version',
      'apt-get -q -y',
      'ansible-galaxy install --force',
      'ansible-pull -i localhost,',
    ]);
  });

  it('is downloaded to bake an image, and not by an instance of an image of this tree', async () => {
    needing({ ...PARAMETER, ...REQUIREMENTS });
    const bakes = await boot({ aws }, ['--bake']);
    expect(bakes.status, bakes.output).toBe(0);
    expect(bakes.calls).toContain('GetParameter');
    expect(bakes.calls).toContain(GALAXY);
    machine.put('/var/lib/mayfly-boot/deployed', machine.read('/etc/mayfly/tree.json'));
    const { calls, status } = await boot({ aws });
    expect(status).toBe(0);
    expect(calls).not.toContain('GetParameter');
    expect(calls).not.toContain(GALAXY);
  });
});

describe('a boot that fails', () => {
  it('without metadata tries six times, in two and a quarter minutes', async () => {
    const { calls, status, sleptSeconds } = await boot({ metadata: false });
    expect(status).not.toBe(0);
    expect(calls).toEqual(ENDS);
    expect(sleptSeconds).toBe(75);
    expect(why()).toBe('boot-failed could not ask the metadata service for the region (status 1)\n');
  });

  it('without its tree tries five times', async () => {
    const { calls, sleptSeconds } = await boot({ aws: refusal('AccessDenied', 'no') });
    expect(calls.filter((call) => call.startsWith('GetObject'))).toHaveLength(5);
    expect(calls.slice(-2)).toEqual(ENDS);
    expect(sleptSeconds).toBe(50);
    expect(why()).toBe('boot-failed could not fetch the tree from the bucket of assets (status 1)\n');
  });

  it.each<[string, Files]>([
    ['another worker', { ...FILES, 'worker/run': ['#!/bin/false\n', 0o755] }],
    ['a worker that is not executable', { ...FILES, 'worker/run': ['#!/bin/sh\n', 0o644] }],
  ])(
    'for a tree that is not what was deployed, with %s, names both hashes and unpacks nothing',
    async (_, files) => {
      serve(files);
      const { calls } = await boot();
      expect(calls.slice(2)).toEqual(ENDS);
      expect(why()).toBe(
        `boot-failed could not unpack the tree: it has the hash ${hashOf(files)}, expected ${TREE_JSON.contentHash} (status 1)\n`,
      );
      expect(readdirSync(join(machine.root, 'opt/mayfly/tree'))).toEqual([]);
    },
  );

  it('with a tree that is not a zip file says what is wrong with it', async () => {
    writeFileSync(join(machine.root, 'tree.zip'), 'not a zip');
    await boot();
    expect(why()).toBe(
      'boot-failed could not unpack the tree: zipfile.BadZipFile: File is not a zip file (status 1)\n',
    );
  });

  it('in its playbook names the task, with any exit status', async () => {
    const failing = `echo 'fatal: [localhost]: FAILED! => {"msg": "of no account"}
...ignoring'
echo 'TASK [mayfly_agent : Install it] ****'
echo 'fatal: [localhost]: FAILED! => {"msg": "no such package"}'`;
    const { calls } = await boot({ programs: { 'ansible-pull': failing } });
    expect(calls.slice(-2)).toEqual(ENDS);
    expect(why()).toBe(
      'boot-failed could not run the playbook: TASK [mayfly_agent : Install it] ' +
        'fatal: [localhost]: FAILED! => {"msg": "no such package"} (status 1)\n',
    );
  });

  it('because Ansible itself does not run has the reason', async () => {
    const broken = `echo 'Traceback (most recent call last):
  File "/usr/bin/ansible-pull", line 33, in <module>
ImportError: cannot import name of no account'; exit 1`;
    await boot({ programs: { 'ansible-pull': broken } });
    expect(why()).toBe(
      'boot-failed could not run the playbook: ImportError: cannot import name of no account (status 1)\n',
    );
  });

  const RENEWED = `${note}
[ -e "$MAYFLY_ROOT/renewed" ] || { echo 'ImportError: cannot import name of no account'; exit 1; }
: >"$MAYFLY_ROOT/var/lib/mayfly-boot/booted"`;
  const renews = (words: string) => `${note}
case "$*" in ${words}) : >"$MAYFLY_ROOT/renewed" ;; esac`;

  it.each([
    ['dnf', '*--releasever=latest*upgrade*ansible-core*'],
    ['apt-get', '*install*--reinstall*ansible-core'],
  ])('whose Ansible does not start reinstalls it by %s, and continues', async (manager, words) => {
    const programs = { 'ansible-pull': RENEWED, rpm: 'exit 0', [manager]: renews(words) };
    const { calls, status, output } = await boot({ programs });
    expect(status, output).toBe(0);
    expect(calls.filter((call) => call.startsWith(manager))).toHaveLength(1);
    expect(calls.filter((call) => call.includes('ansible-pull -i'))).toHaveLength(2);
  });

  it('whose Ansible starts, and whose set-up fails, reinstalls nothing', async () => {
    const programs = { 'ansible-pull': `case "$*" in --version) ;; *) exit 1 ;; esac` };
    const { calls } = await boot({ programs });
    expect(calls.filter((call) => call.startsWith('apt-get'))).toEqual([]);
  });

  it('without an inventory exits 0 and is still a failed boot, as it leaves no marker', async () => {
    machine.put('/var/lib/mayfly-boot/booted', 'of an earlier boot\n');
    const { status } = await boot({ programs: { 'ansible-pull': 'exit 0' } });
    expect(status).toBe(1);
    expect(why()).toBe('boot-failed could not run the playbook (status 1)\n');
  });

  it.each([
    [
      'as the machine is switched off meanwhile',
      { system: 'stopping', programs: { 'ansible-pull': 'exit 1' } },
    ],
    ['as all that runs is ended', { programs: { 'ansible-pull': 'kill -TERM "$PPID"' } }],
  ])('%s has not failed: the next boot is a new attempt', async (_, answers) => {
    const { calls, status } = await boot(answers);
    expect(status).not.toBe(0);
    expect(calls.filter((call) => call.startsWith('systemctl'))).toEqual([]);
    expect(why).toThrow('ENOENT');
  });

  it('powers off if systemd does not answer', async () => {
    const systemctl = `${note}; exit 1`;
    const { calls } = await boot({ metadata: false, programs: { systemctl } });
    expect(calls.slice(-3)).toEqual([
      'systemctl start --no-block --job-mode=replace-irreversibly poweroff.target',
      'systemctl poweroff --force',
      'systemctl poweroff --force --force',
    ]);
  });
});

describe('an image that was baked', () => {
  const START = 'systemctl enable --now mayfly-agent.service';

  it('for this tree starts its agent first, and is only checked', async () => {
    machine.put('/var/lib/mayfly-boot/deployed', JSON.stringify(TREE_JSON));
    const { calls, status } = await boot({ agent: { ExecMainStartTimestampMonotonic: 0 } });
    expect(status).toBe(0);
    expect(calls).toEqual([START, expect.stringMatching(/^ansible-pull /)]);
  });

  it('does not start an agent that has run already, as an operator may have stopped it', async () => {
    machine.put('/var/lib/mayfly-boot/deployed', JSON.stringify(TREE_JSON));
    const stopped = { ActiveState: 'inactive', ExecMainStartTimestampMonotonic: 4_200_000 };
    const { calls, status } = await boot({ agent: stopped });
    expect(status).toBe(0);
    expect(calls).toEqual([expect.stringMatching(/^ansible-pull /)]);
  });

  it.each([
    ['tree', { ...TREE_JSON, key: 'other.zip' }],
    ['Node.js', { ...TREE_JSON, node: { ...TREE_JSON.node, integrity: 'sha512-other' } }],
    ['set-up', { ...TREE_JSON, setup: 'setup.sh' }],
  ])('with another %s is set up as a stock image', async (_, deployed) => {
    machine.put('/var/lib/mayfly-boot/deployed', JSON.stringify(deployed));
    const outcome = await boot();
    expect(outcome.calls).not.toContain(START);
    expect(kinds(outcome)).toEqual([
      expect.stringContaining('tree.zip'),
      expect.stringContaining('node.tgz'),
      'ansible-pull -i localhost,',
    ]);
  });

  it('with another tree refuses a download that is not what was deployed, and is terminated', async () => {
    machine.put('/var/lib/mayfly-boot/deployed', JSON.stringify({ ...TREE_JSON, key: 'other.zip' }));
    const other: Files = { ...FILES, 'worker/run': ['#!/bin/false\n', 0o755] };
    serve(other);
    const { calls } = await boot();
    expect(calls.slice(2)).toEqual([
      'systemctl stop --no-block mayfly-agent.service',
      'systemctl start --no-block mayfly-retire.service',
    ]);
    expect(machine.read('/var/lib/mayfly-boot/boot-failed')).toContain(
      `it has the hash ${hashOf(other)}, expected ${TREE_JSON.contentHash}`,
    );
  });

  it('that fails its check lets its agent return its jobs, and is terminated', async () => {
    machine.put('/var/lib/mayfly-boot/deployed', JSON.stringify(TREE_JSON));
    const { calls } = await boot({ programs: { 'ansible-pull': '[ "$1" = --version ] || exit 2' } });
    expect(calls.slice(1)).toEqual([
      'systemctl stop --no-block mayfly-agent.service',
      'systemctl start --no-block mayfly-retire.service',
    ]);
  });
});

describe('baking', () => {
  it('needs no fleet, starts nothing and leaves no marker of a boot', async () => {
    machine.put('/etc/mayfly/agent.json', '');
    const outcome = await boot({}, ['--bake']);
    expect(outcome.status, outcome.output).toBe(0);
    expect(kinds(outcome).at(-1)).toBe('ansible-pull -i localhost,');
    expect(outcome.calls.filter((call) => call.startsWith('systemctl'))).toEqual([]);
    expect(() => machine.read('/var/lib/mayfly-boot/booted')).toThrow('ENOENT');
  });

  it('refuses a tree that is not what was deployed', async () => {
    const other: Files = { ...FILES, 'worker/run': ['#!/bin/false\n', 0o755] };
    serve(other);
    const { output, status } = await boot({}, ['--bake']);
    expect(status).toBe(1);
    expect(output).toContain(`it has the hash ${hashOf(other)}, expected ${TREE_JSON.contentHash}`);
    expect(() => machine.read('/var/lib/mayfly-boot/baked')).toThrow('ENOENT');
  });

  it('that fails reports it only by its exit status', async () => {
    const { calls, status } = await boot({ aws: refusal('AccessDenied', 'no') }, ['--bake']);
    expect(status).toBe(1);
    expect(calls.filter((call) => call.startsWith('systemctl'))).toEqual([]);
    expect(() => machine.read('/var/lib/mayfly-boot/boot-failed')).toThrow('ENOENT');
  });
});
