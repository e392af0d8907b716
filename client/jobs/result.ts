/** What a worker wrote as its result: a JSON object as such, any other text as it is. */
export type ResultView = string | Record<string, unknown>;

/** @param text as the record of the job has it */
export function createResultView(text: string): ResultView {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : text;
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
