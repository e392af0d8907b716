import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { execa } from 'execa';
import { PLAYBOOKS } from './bench.ts';

/** A Git repository with playbooks, which prints `first` at its first commit and `second` at its second. */
export interface TestRepository {
  /** A bare repository. */
  directory: string;
  commits: [first: string, second: string];
}

const AUTHOR = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b',
};
const ALONE = { ...AUTHOR, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };

export async function createRepository(base: string): Promise<TestRepository> {
  const source = join(base, 'source');
  const git = async (...words: string[]) => (await execa('git', words, { cwd: source, env: ALONE })).stdout;
  mkdirSync(source);
  cpSync(join(PLAYBOOKS, 'inventory.yml'), join(source, 'hosts.yml'));
  writeFileSync(join(source, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  await git('init', '--quiet');
  const commit = async (text: string) => {
    const task = { name: 'Say', 'ansible.builtin.debug': { msg: text } };
    writeFileSync(
      join(source, 'site.yml'),
      JSON.stringify([{ hosts: 'web', gather_facts: false, tasks: [task] }]),
    );
    await git('add', '--all');
    await git('commit', '--quiet', '--message', text);
    return git('rev-parse', 'HEAD');
  };
  const commits: [string, string] = [await commit('first'), await commit('second')];
  const directory = join(base, 'playbooks.git');
  await git('clone', '--quiet', '--bare', source, directory);
  await execa('git', ['update-server-info'], { cwd: directory, env: ALONE });
  return { directory, commits };
}

/** A Git server: files over HTTPS, for those who know the password. It gives no single commits. */
export interface GitServer {
  url: string;
  /** A file with its certificate. */
  certificate: string;
  close(): Promise<void>;
}

export async function serve(base: string, directory: string, login: string): Promise<GitServer> {
  const [key, certificate] = [join(base, 'key.pem'), join(base, 'certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-keyout', key, '-out', certificate];
  await execa('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject,
    ...files,
  ]);
  const tls = { key: readFileSync(key), cert: readFileSync(certificate) };
  const expected = `Basic ${Buffer.from(login).toString('base64')}`;
  const server = createServer(tls, (request, response) => {
    const path = normalize(new URL(request.url ?? '', 'https://localhost').pathname);
    const file = join(directory, path.replace('/playbooks.git', ''));
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
    } else if (existsSync(file) && statSync(file).isFile()) {
      response.end(readFileSync(file));
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `https://localhost:${port}/playbooks.git`, certificate },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Programs that write down how they are called, and run the real ones. */
export interface Programs {
  /** A directory for the `PATH`. */
  path: string;
  gitCalls(): string[];
  /** What OpenSSH makes of the options that Git gives it, and the key. */
  sshSettings(): string;
  /** From now on Git waits. */
  holdGit(): void;
  releaseGit(): void;
}

export function createPrograms(base: string): Programs {
  const path = join(base, 'programs');
  const [git, ssh, held] = ['git-calls', 'ssh-settings', 'held'].map((name) => join(base, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(path);
  const program = (name: string, lines: string[]) => {
    writeFileSync(join(path, name), ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(join(path, name), 0o755);
  };
  program('git', [
    `echo "$*" >> '${git}'`,
    `case "$*" in *fetch*) while [ -e '${held}' ]; do sleep 0.1; done ;; esac`,
    'exec /usr/bin/git "$@"',
  ]);
  // The command of the other side runs here.
  program('ssh', [
    'for last; do :; done',
    'case "$last" in git-upload-pack*) ;; *) exec /usr/bin/ssh "$@" ;; esac',
    `/usr/bin/ssh -G "$@" > '${ssh}'`,
    `sed -n 's/^identityfile //p' '${ssh}' | xargs cat >> '${ssh}'`,
    'exec sh -c "$last"',
  ]);
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  return {
    path,
    gitCalls: () => read(git).split('\n').filter(Boolean),
    sshSettings: () => read(ssh),
    holdGit: () => writeFileSync(held, ''),
    releaseGit: () => rmSync(held),
  };
}
