/** Variables that set AWS's endpoints ("Service-specific endpoints", AWS SDKs and Tools Reference Guide). */
const ENDPOINTS = /^AWS_(ENDPOINT_URL(_\w+)?|USE_FIPS_ENDPOINT|USE_DUALSTACK_ENDPOINT|CA_BUNDLE)$/;

/**
 * The variables about AWS in the environment of all workers. SDKs of workers do not use the instance's metadata, which has
 * the credentials of the instance's role. Region and endpoints are only for workers that have a role.
 *
 * @param own the agent's environment
 */
export function awsEnvironment(
  own: NodeJS.ProcessEnv,
  { region, workerRole }: { region: string; workerRole?: string | undefined },
): Record<string, string> {
  const environment: Record<string, string> = { AWS_EC2_METADATA_DISABLED: 'true' };
  if (workerRole === undefined) return environment;
  for (const [name, value] of Object.entries(own)) {
    if (ENDPOINTS.test(name) && value !== undefined) environment[name] = value;
  }
  return { ...environment, AWS_REGION: region, AWS_DEFAULT_REGION: region };
}
