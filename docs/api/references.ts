import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { ApiModel } from '@microsoft/api-extractor-model';
import { execaSync } from 'execa';
import { pageOf } from './page.ts';

export const API_DIRECTORY = import.meta.dirname;
const ROOT = join(API_DIRECTORY, '../..');

const ENTRIES = [
  { file: 'mayfly.md', module: 'mayfly', declarations: 'client/index.d.ts' },
  { file: 'mayfly-cdk.md', module: 'mayfly/cdk', declarations: 'infra/index.d.ts' },
];

/** The pages of the API reference, as the sources say now. Throws with the compiler's or API Extractor's errors. */
export function references(): { file: string; text: string }[] {
  // In the checkout, where the declarations find the packages that they name.
  mkdirSync(join(ROOT, '.build'), { recursive: true });
  const directory = mkdtempSync(join(ROOT, '.build/api-'));
  try {
    const project = join(API_DIRECTORY, 'tsconfig.json');
    execaSync('tsc', ['--project', project, '--outDir', directory], { cwd: ROOT, preferLocal: true });
    joinCodeSpans(directory);
    return ENTRIES.map(({ file, module, declarations }) => {
      const model = extract(directory, module, declarations);
      return { file, text: pageOf(module, new ApiModel().loadPackage(model)) };
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** API Extractor drops a line break before a code span, and so the space between two words. A space it keeps. */
function joinCodeSpans(directory: string): void {
  for (const file of globSync('**/*.d.ts', { cwd: directory })) {
    const path = join(directory, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replaceAll(/\n\s*\* `(?!``)/g, ' `'));
  }
}

/** @returns the path of API Extractor's model of the module */
function extract(directory: string, module: string, declarations: string): string {
  const apiJsonFilePath = join(directory, `${module.replace('/', '-')}.api.json`);
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(ROOT, 'package.json'),
    configObject: {
      projectFolder: directory,
      mainEntryPointFilePath: join(directory, declarations),
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2024',
            lib: ['es2024'],
            module: 'nodenext',
            types: ['node'],
            typeRoots: [join(ROOT, 'node_modules/@types')],
            strict: true,
            skipLibCheck: true,
          },
          files: [join(directory, declarations)],
        },
      },
      apiReport: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      docModel: { enabled: true, apiJsonFilePath },
      messages: { extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } } },
    },
  });
  const typescriptCompilerFolder = join(
    createRequire(createRequire(import.meta.url).resolve('@microsoft/api-extractor')).resolve('typescript'),
    '../..',
  );
  const problems: string[] = [];
  const { errorCount } = Extractor.invoke(config, {
    localBuild: true,
    typescriptCompilerFolder,
    messageCallback(message) {
      message.handled = true;
      if (message.logLevel === ExtractorLogLevel.Error)
        problems.push(message.formatMessageWithLocation(directory));
    },
  });
  if (errorCount > 0) throw new Error(`API Extractor cannot read ${module}:\n${problems.join('\n')}`);
  return apiJsonFilePath;
}
