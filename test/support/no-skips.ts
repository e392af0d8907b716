import type { Reporter, TestModule } from 'vitest/node';

/** Fails a run in CI that has skipped tests, and prints them with their reasons. A developer may lack a tool; CI may not. */
export default class NoSkips implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = skippedIn(modules);
    if (skipped.length === 0) return;
    process.exitCode = 1;
    console.error(`\n${skipped.length} skipped, which fails a run in CI:\n${skipped.join('\n')}\n`);
  }
}

export function skippedIn(modules: readonly TestModule[]): string[] {
  return modules.flatMap((module) =>
    [...module.children.allTests()].flatMap((test) => {
      const result = test.result();
      if (result.state !== 'skipped') return [];
      const why = result.note ? `: ${result.note}` : '';
      return [`  ${module.relativeModuleId} > ${test.fullName}${why}`];
    }),
  );
}
