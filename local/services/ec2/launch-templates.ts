import { randomBytes } from 'node:crypto';
import {
  integer,
  optionalInteger,
  optionalStructure,
  optionalText,
  text,
  texts,
} from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../front-door/service.ts';
import type { Launcher } from '../../instances/launcher.ts';
import { checkLaunchParameters, readUserData } from './launch-parameters.ts';

interface LaunchTemplate {
  id: string;
  name: string;
  createdAt: Date;
  defaultVersion: number;
  /** Version n is at index n - 1. Versions cannot be deleted, so the numbers stay. */
  versions: TemplateVersion[];
}

interface TemplateVersion {
  description: string | undefined;
  createdAt: Date;
  data: Input;
}

/** Names a template by id or name, and for a launch a version (`$Latest`, `$Default` or a number). */
export interface TemplateReference {
  LaunchTemplateId?: string;
  LaunchTemplateName?: string;
  Version?: string;
}

export interface ResolvedTemplate {
  id: string;
  name: string;
  version: number;
  data: Input;
}

/** EC2's launch templates ("Store instance launch parameters in Amazon EC2 launch templates"). */
export class LaunchTemplates {
  readonly #context: CloudContext;
  readonly #launcher: Pick<Launcher, 'problemWith' | 'ignoredPart'>;
  readonly #byId = new Map<string, LaunchTemplate>();

  constructor(context: CloudContext, launcher: Pick<Launcher, 'problemWith' | 'ignoredPart'>) {
    this.#context = context;
    this.#launcher = launcher;
  }

  /** The data for a launch from this reference, by default of the default version. */
  resolve(reference: TemplateReference): ResolvedTemplate {
    const template = this.#find(reference.LaunchTemplateId, reference.LaunchTemplateName);
    const version = versionNumber(template, reference.Version ?? '$Default');
    return { id: template.id, name: template.name, version, data: versionOf(template, version).data };
  }

  operations(): Record<string, Operation> {
    const one = (input: Input) =>
      this.#find(optionalText(input, 'LaunchTemplateId'), optionalText(input, 'LaunchTemplateName'));
    const resources = (input: Input) => [this.#arnOf(input)];
    return {
      CreateLaunchTemplate: {
        run: (input) => {
          const template = this.#create(input);
          return { LaunchTemplate: this.#summary(template), ...this.#warning(template) };
        },
      },
      CreateLaunchTemplateVersion: {
        resources,
        run: (input) => {
          const template = one(input);
          const LaunchTemplateVersion = this.#addVersion(template, input);
          return { LaunchTemplateVersion, ...this.#warning(template) };
        },
      },
      ModifyLaunchTemplate: {
        resources,
        run: (input) => {
          const template = one(input);
          template.defaultVersion = versionNumber(template, text(input, 'DefaultVersion'));
          return { LaunchTemplate: this.#summary(template) };
        },
      },
      DeleteLaunchTemplate: {
        resources,
        run: (input) => {
          const template = one(input);
          this.#byId.delete(template.id);
          return { LaunchTemplate: this.#summary(template) };
        },
      },
      DescribeLaunchTemplates: { run: (input) => this.#describe(input) },
      DescribeLaunchTemplateVersions: { run: (input) => this.#describeVersions(one(input), input) },
    };
  }

  /** What instances will ignore of the newest version ("ValidationWarning"). */
  #warning({ versions }: LaunchTemplate): Input {
    const Message = this.#launcher.ignoredPart?.(readUserData(versions.at(-1)?.data ?? {}) ?? '');
    return Message === undefined ? {} : { Warning: { Errors: [{ Code: 'UnsupportedOperation', Message }] } };
  }

  #create(input: Input): LaunchTemplate {
    const name = text(input, 'LaunchTemplateName');
    if (!/^[a-zA-Z0-9().\-/_]{3,128}$/.test(name)) {
      throw new AwsError(
        'InvalidLaunchTemplateName.MalformedException',
        `The launch template name '${name}' must have 3 to 128 of the characters a-z, A-Z, 0-9 and ().-/_`,
      );
    }
    if ([...this.#byId.values()].some((template) => template.name === name)) {
      throw new AwsError(
        'InvalidLaunchTemplateName.AlreadyExistsException',
        `Launch template name already in use: ${name}`,
      );
    }
    const now = new Date(this.#context.clock.now());
    const data = optionalStructure(input, 'LaunchTemplateData') ?? {};
    checkLaunchParameters(data, this.#launcher);
    const id = `lt-0${randomBytes(8).toString('hex')}`;
    const version = { description: optionalText(input, 'VersionDescription'), createdAt: now, data };
    const template = { id, name, createdAt: now, defaultVersion: 1, versions: [version] };
    this.#byId.set(id, template);
    return template;
  }

  #addVersion(template: LaunchTemplate, input: Input): Input {
    const source = optionalText(input, 'SourceVersion');
    const base = source === undefined ? {} : versionOf(template, versionNumber(template, source)).data;
    const data = { ...base, ...optionalStructure(input, 'LaunchTemplateData') };
    checkLaunchParameters(data, this.#launcher);
    const description = optionalText(input, 'VersionDescription');
    template.versions.push({ description, createdAt: new Date(this.#context.clock.now()), data });
    return this.#versionSummary(template, template.versions.length);
  }

  #describe(input: Input): Input {
    const ids = texts(input, 'LaunchTemplateIds');
    const names = texts(input, 'LaunchTemplateNames');
    const named = ids.length + names.length > 0;
    const wanted = named
      ? [...ids.map((id) => this.#find(id)), ...names.map((name) => this.#find(undefined, name))]
      : [...this.#byId.values()];
    return { LaunchTemplates: wanted.map((template) => this.#summary(template)) };
  }

  #describeVersions(template: LaunchTemplate, input: Input): Input {
    const wanted = texts(input, 'Versions');
    const min = optionalInteger(input, 'MinVersion') ?? 1;
    const max = optionalInteger(input, 'MaxVersion') ?? template.versions.length;
    const numbers =
      wanted.length > 0
        ? wanted.map((version) => versionNumber(template, version))
        : template.versions.map((_, index) => index + 1).filter((n) => n >= min && n <= max);
    return { LaunchTemplateVersions: numbers.map((number) => this.#versionSummary(template, number)) };
  }

  #find(id: string | undefined, name?: string): LaunchTemplate {
    if ((id === undefined) === (name === undefined)) {
      throw new AwsError('MissingParameter', 'Specify either a launch template id or a name, not both.');
    }
    const found =
      id !== undefined
        ? this.#byId.get(id)
        : [...this.#byId.values()].find((template) => template.name === name);
    if (found) return found;
    throw id !== undefined
      ? new AwsError(
          'InvalidLaunchTemplateId.NotFound',
          `The specified launch template, with template ID ${id}, does not exist.`,
        )
      : new AwsError(
          'InvalidLaunchTemplateName.NotFoundException',
          `The specified launch template, with template name ${name}, does not exist.`,
        );
  }

  #arnOf(input: Input): string {
    const name = optionalText(input, 'LaunchTemplateName');
    const byName = [...this.#byId.values()].find((template) => template.name === name)?.id;
    const id = optionalText(input, 'LaunchTemplateId') ?? byName ?? '*';
    return `arn:aws:ec2:${this.#context.region}:${this.#context.accountId}:launch-template/${id}`;
  }

  #summary(template: LaunchTemplate): Input {
    return {
      LaunchTemplateId: template.id,
      LaunchTemplateName: template.name,
      CreateTime: template.createdAt,
      CreatedBy: `arn:aws:iam::${this.#context.accountId}:root`,
      DefaultVersionNumber: template.defaultVersion,
      LatestVersionNumber: template.versions.length,
    };
  }

  #versionSummary(template: LaunchTemplate, number: number): Input {
    const { description, createdAt, data } = versionOf(template, number);
    return {
      LaunchTemplateId: template.id,
      LaunchTemplateName: template.name,
      VersionNumber: number,
      VersionDescription: description,
      CreateTime: createdAt,
      CreatedBy: `arn:aws:iam::${this.#context.accountId}:root`,
      DefaultVersion: number === template.defaultVersion,
      LaunchTemplateData: data,
    };
  }
}

function versionNumber(template: LaunchTemplate, version: string): number {
  if (version === '$Latest') return template.versions.length;
  if (version === '$Default') return template.defaultVersion;
  const number = integer({ Version: version }, 'Version');
  versionOf(template, number);
  return number;
}

function versionOf(template: LaunchTemplate, number: number): TemplateVersion {
  const version = template.versions[number - 1];
  if (version) return version;
  throw new AwsError(
    'InvalidLaunchTemplateId.VersionNotFound',
    `Could not find the specified version ${number} for the launch template with ID ${template.id}.`,
  );
}
