import type { CallAws } from '../../front-door/service.ts';
import { validationError } from '../errors.ts';
import type { ParameterDeclaration } from './template.ts';

/** A parameter with its value as given, and as the template sees it. */
export interface TemplateParameter {
  declaration: ParameterDeclaration;
  /** The value from the caller, or the default. For an SSM type it is the SSM parameter's name. */
  given: string;
  /** The value of `Ref`. */
  value: string | string[];
}

export interface GivenParameter {
  ParameterKey: string;
  ParameterValue?: string;
  UsePreviousValue?: boolean;
}

/** Matches declared parameters with given ones, checks the values, and looks up SSM parameters. */
export async function readParameters(
  declarations: Record<string, ParameterDeclaration>,
  given: GivenParameter[],
  previous: Record<string, TemplateParameter>,
  call: CallAws,
): Promise<Record<string, TemplateParameter>> {
  const surplus = given.map((one) => one.ParameterKey).filter((key) => !Object.hasOwn(declarations, key));
  if (surplus.length > 0) {
    throw validationError(`Parameters: [${surplus.join(', ')}] do not exist in the template`);
  }
  const texts = Object.entries(declarations).map(([key, declaration]) => {
    const one = given.find((candidate) => candidate.ParameterKey === key);
    const text = one?.UsePreviousValue ? previous[key]?.given : one?.ParameterValue;
    return [key, declaration, text ?? defaultOf(declaration)] as const;
  });
  const missing = texts.filter(([, , text]) => text === undefined).map(([key]) => key);
  if (missing.length > 0) throw validationError(`Parameters: [${missing.join(', ')}] must have values`);
  const entries = texts.map(async ([key, declaration, text]) => {
    return [key, await readOne(key, declaration, text ?? '', call)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function defaultOf(declaration: ParameterDeclaration): string | undefined {
  const value = declaration.Default;
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.join(',') : String(value);
}

const SSM_VALUE = /^AWS::SSM::Parameter::Value<(.+)>$/;
const LIST = /^(?:List<(.+)>|CommaDelimitedList)$/;
/** AWS-specific types, whose values AWS looks up in the account. Here any text is accepted. */
const AWS_SPECIFIC =
  /^AWS::(EC2::(AvailabilityZone::Name|Image::Id|Instance::Id|KeyPair::KeyName|SecurityGroup::(GroupName|Id)|Subnet::Id|Volume::Id|VPC::Id)|Route53::HostedZone::Id|SSM::Parameter::Name)$/;

async function readOne(
  key: string,
  declaration: ParameterDeclaration,
  given: string,
  call: CallAws,
): Promise<TemplateParameter> {
  const stored = SSM_VALUE.exec(declaration.Type)?.[1];
  const type = stored ?? declaration.Type;
  const element = LIST.test(type) ? (LIST.exec(type)?.[1] ?? 'String') : type;
  if (!['String', 'Number'].includes(element) && !AWS_SPECIFIC.test(element)) {
    throw validationError(`Template format error: Unrecognized parameter type: ${declaration.Type}`);
  }
  const text = stored === undefined ? given : await storedParameter(given, call);
  const value = LIST.test(type) ? text.split(',').map((item) => item.trim()) : text;
  for (const item of Array.isArray(value) ? value : [value]) checkItem(key, declaration, element, item);
  return { declaration, given, value };
}

async function storedParameter(name: string, call: CallAws): Promise<string> {
  const answer = await call('ssm', 'GetParameters', { Names: [name], WithDecryption: false });
  const [found] = (answer['Parameters'] ?? []) as { Value?: string }[];
  if (found?.Value !== undefined) return found.Value;
  throw validationError(`Unable to fetch parameters [${name}] from parameter store for this account.`);
}

function checkItem(key: string, declaration: ParameterDeclaration, element: string, item: string): void {
  const { AllowedValues, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue } = declaration;
  const refuse = (rule: string) =>
    validationError(`Parameter '${key}' ${declaration.ConstraintDescription ?? rule} (value: '${shown()}')`);
  const shown = () => (String(declaration.NoEcho) === 'true' ? '****' : item);
  if (element === 'Number' && (item.trim() === '' || Number.isNaN(Number(item)))) {
    throw validationError(`Parameter '${key}' must be a number. (value: '${shown()}')`);
  }
  if (AllowedValues && !AllowedValues.some((allowed) => String(allowed) === item)) {
    throw refuse(`must be one of [${AllowedValues.join(', ')}]`);
  }
  if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(item)) {
    throw refuse(`must match pattern ${AllowedPattern}`);
  }
  if (MinLength !== undefined && item.length < Number(MinLength)) {
    throw refuse(`must contain at least ${MinLength} characters`);
  }
  if (MaxLength !== undefined && item.length > Number(MaxLength)) {
    throw refuse(`must contain at most ${MaxLength} characters`);
  }
  if (MinValue !== undefined && Number(item) < Number(MinValue)) throw refuse(`must be at least ${MinValue}`);
  if (MaxValue !== undefined && Number(item) > Number(MaxValue)) throw refuse(`must be at most ${MaxValue}`);
}
