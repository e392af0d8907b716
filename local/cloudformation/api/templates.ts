import { optionalText } from '../../front-door/read.ts';
import { type Operation as ApiOperation, AwsError, type Input } from '../../front-door/service.ts';
import { requireStack, type StackAccount } from '../engine/account.ts';
import { validationError } from '../errors.ts';
import { checkTemplate } from '../template/check.ts';
import type { Template } from '../template/template.ts';
import { findResourceType } from '../types/index.ts';
import { readSubmittedTemplate, requiredCapabilities } from './submission.ts';

/** The calls about templates. */
export function templateOperations(account: StackAccount): Record<string, ApiOperation> {
  return {
    GetTemplate: {
      run: (input) => ({ ...getTemplate(account, input), StagesAvailable: ['Original', 'Processed'] }),
    },
    GetTemplateSummary: {
      async run(input) {
        const template = await summarised(account, input);
        const { capabilities, reason } = requiredCapabilities(template);
        return {
          Parameters: parameterDeclarations(template),
          Description: template.description,
          Capabilities: capabilities,
          CapabilitiesReason: reason,
          ResourceTypes: [...new Set(Object.values(template.resources).map(({ Type }) => Type))],
          Version: '2010-09-09',
          Metadata: Object.keys(template.metadata).length > 0 ? JSON.stringify(template.metadata) : undefined,
          DeclaredTransforms: template.languageExtensions ? ['AWS::LanguageExtensions'] : [],
        };
      },
    },
    ValidateTemplate: {
      async run(input) {
        const template = await readSubmittedTemplate(account, input);
        checkTemplate(template, findResourceType);
        const { capabilities, reason } = requiredCapabilities(template);
        return {
          Parameters: parameterDeclarations(template),
          Description: template.description,
          Capabilities: capabilities,
          CapabilitiesReason: reason,
        };
      },
    },
  };
}

function getTemplate(account: StackAccount, input: Input): { TemplateBody: string } {
  const changeSetName = optionalText(input, 'ChangeSetName');
  const stackName = optionalText(input, 'StackName');
  if (stackName === undefined && changeSetName === undefined) {
    throw validationError('StackName is required if ChangeSetName is not specified.');
  }
  const stacks = stackName === undefined ? [...account.stacks.values()] : [requireStack(account, stackName)];
  if (changeSetName === undefined) return { TemplateBody: stacks[0]?.target?.template.text ?? '' };
  const sets = stacks.flatMap((stack) => [...stack.changeSets.values()]);
  const found = sets.find(({ id, name }) => id === changeSetName || name === changeSetName);
  if (found) return { TemplateBody: found.target.template.text };
  throw new AwsError('ChangeSetNotFound', `ChangeSet [${changeSetName}] does not exist`, 404);
}

async function summarised(account: StackAccount, input: Input): Promise<Template> {
  const stackName = optionalText(input, 'StackName');
  if (stackName === undefined) return readSubmittedTemplate(account, input);
  const { target, name } = requireStack(account, stackName);
  if (target) return target.template;
  throw validationError(`Stack ${name} has no template yet`);
}

function parameterDeclarations({ parameters }: Template) {
  return Object.entries(parameters).map(([ParameterKey, declaration]) => ({
    ParameterKey,
    DefaultValue: declaration.Default === undefined ? undefined : String(declaration.Default),
    ParameterType: declaration.Type,
    NoEcho: String(declaration.NoEcho) === 'true',
    Description: declaration.Description,
    ParameterConstraints: declaration.AllowedValues && {
      AllowedValues: declaration.AllowedValues.map(String),
    },
  }));
}
