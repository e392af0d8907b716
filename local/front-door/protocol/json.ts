import type { AwsError, Output, Service } from '../service.ts';

/** AWS JSON 1.0 and 1.1, and bodies of REST JSON: times are epoch seconds, bytes are base64. */
export function encodeJson(output: Output): string {
  return JSON.stringify(output ?? {}, function (this: Record<string, unknown>, key, value) {
    // JSON.stringify passes dates and Buffers as `value` only after it has converted them.
    const original = this[key];
    if (original instanceof Date) return original.getTime() / 1000;
    if (original instanceof Uint8Array) return Buffer.from(original).toString('base64');
    return value;
  });
}

export function encodeJsonError(error: AwsError): string {
  return JSON.stringify({
    ...error.details,
    __type: error.code,
    message: error.message,
    Message: error.message,
  });
}

/** Clients of a service that once used Query find that protocol's error code in `x-amzn-query-error`. */
export function jsonErrorHeaders(service: Service | undefined, error: AwsError): Record<string, string> {
  const queryCode = service?.queryErrorCodes?.[error.code];
  const fault = error.status >= 500 ? 'Receiver' : 'Sender';
  return {
    'x-amzn-errortype': error.code,
    ...(service?.queryErrorCodes ? { 'x-amzn-query-error': `${queryCode ?? error.code};${fault}` } : {}),
  };
}
