/**
 * The name at the end of a scaling policy's ARN, `...:policyName/<name>`. A policy that is deleted and made again has
 * its name again, but another ARN ("PutScalingPolicy"); calls take either ("ExecutePolicy").
 */
export function policyNameOf(arn: string): string {
  return arn.split(':policyName/').at(-1) ?? arn;
}
