import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CHECKS } from '../../first-run/checks.ts';
import { COST } from '../../first-run/plan.ts';
import { startTestCloud } from '../../local/test/support/cloud.ts';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/first-run.md'), 'utf8');
/** The page's sections of checks: heading and text. */
const sections = page
  .split(/^## (?=\d+\. )/m)
  .slice(1)
  .map((section) => ({ heading: section.split('\n')[0], text: section.split(/^## /m)[0] ?? '' }));

describe('docs/first-run.md', () => {
  it('has the ten checks of the program, in order', () => {
    expect(sections.map(({ heading }) => heading)).toEqual(
      CHECKS.map(({ title }, index) => `${index + 1}. ${title}`),
    );
    expect(sections).toHaveLength(10);
  });

  it.each(CHECKS.map((check, index) => [check.title, check, index] as const))(
    'has the commands and the expected result of "%s"',
    (_, { commands, expected }, index) => {
      const { text = '' } = sections[index] ?? {};
      for (const command of commands) expect(text).toContain(`\n${command}\n`);
      expect(text.replaceAll('\n', ' ')).toContain(expected);
    },
  );

  it('states the cost', () => {
    expect(page).toContain(COST);
  });
});

describe('npm run test:aws', () => {
  const program = (...args: string[]) =>
    execa(process.execPath, ['first-run/main.ts', ...args], {
      cwd: ROOT,
      reject: false,
      env: { AWS_REGION: 'eu-west-1', AWS_EC2_METADATA_DISABLED: 'true', AWS_CONFIG_FILE: '/dev/null' },
    });

  it('prints one line if there are no credentials', async () => {
    const { exitCode, stderr } = await program();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^The first run failed: .*credentials/i);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('uses the same region as cdk, and names it before it begins', async () => {
    const cloud = await startTestCloud();
    onTestFinished(() => cloud.close());
    const profile = join(dirname(cloud.logFile), 'aws-config');
    await writeFile(profile, '[default]\nregion = us-east-2\n');
    const { exitCode, stdout, stderr } = await execa(process.execPath, ['first-run/main.ts'], {
      cwd: ROOT,
      reject: false,
      env: {
        AWS_ENDPOINT_URL: cloud.endpoint,
        AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
        AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
        AWS_CONFIG_FILE: profile,
        AWS_REGION: undefined,
        AWS_DEFAULT_REGION: 'eu-west-1',
      },
    });
    expect(exitCode, stderr).toBe(2);
    expect(stderr).toContain('Nothing was created');
    const calls = (await cloud.calls()).filter(({ service }) => service === 'ssm');
    expect(calls.map(({ region }) => region)).toEqual(['eu-west-1']);
    expect(stdout).toMatch(/^A first run in account \d+, region eu-west-1, as /);
  });

  it('refuses a wrong option and says what is allowed', async () => {
    const { exitCode, stderr } = await program('--local', '--speed', '0');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Allowed is a whole number from 1 to 60.');
  });
});
