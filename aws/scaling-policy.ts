/**
 * The name at the end of a scaling policy's ARN, `...:policyName/<name>`. A policy that is deleted and created again has
 * the same name but another ARN ("PutScalingPolicy"). Calls take either ("ExecutePolicy").
 */
export function parsePolicyName(arn: string): string {
  return arn.split(':policyName/').at(-1) ?? arn;
}
