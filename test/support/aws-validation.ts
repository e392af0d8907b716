import { createRequire } from 'node:module';

interface Finding {
  severity: string;
  ruleId: string;
  message: string;
}

/** Errors that `@aws/cloudformation-validate` finds. It is a dependency of aws-cdk-lib. */
export function errorsOf(path: string): Finding[] {
  const require = createRequire(createRequire(import.meta.url).resolve('aws-cdk-lib'));
  const { CompositeEngine, TemplateFile } = require('@aws/cloudformation-validate');
  const engine = new CompositeEngine();
  try {
    const { diagnostics } = engine.validateTemplate(new TemplateFile(path)) as { diagnostics: Finding[] };
    return diagnostics.filter(({ severity }) => severity !== 'INFO' && severity !== 'WARN');
  } finally {
    engine.free();
  }
}
