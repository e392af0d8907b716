/** The lines of the blocks of a page that begin with ```sh, in order. */
export function shellLines(page: string): string[] {
  const blocks = page.matchAll(/^```sh\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, block = '']) => block.split('\n').filter((line) => line !== ''));
}
