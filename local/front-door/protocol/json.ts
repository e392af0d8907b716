import type { AwsError, Output, Service } from '../service.ts';

/** AWS JSON 1.0 and 1.1, and the bodies of REST JSON: times are epoch seconds, bytes base64. */
export function encodeJson(output: Output): string {
  return JSON.stringify(output ?? {}, function (this: Record<string, unknown>, key, value) {
    // Dates and Buffers have turned themselves into something else by the time `value` is handed over.
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

/** Older clients of a service that once spoke Query find that protocol's code in `x-amzn-query-error`. */
export function jsonErrorHeaders(service: Service | undefined, error: AwsError): Record<string, string> {
  const queryCode = service?.queryErrorCodes?.[error.code];
  const fault = error.status >= 500 ? 'Receiver' : 'Sender';
  return {
    'x-amzn-errortype': error.code,
    ...(service?.queryErrorCodes ? { 'x-amzn-query-error': `${queryCode ?? error.code};${fault}` } : {}),
  };
}
