import { optionalText, structures, text, texts } from '../../front-door/read.ts';
import type { Input, Operation } from '../../front-door/service.ts';
import type { Ec2Instances } from './ec2-instances.ts';
import type { Network } from './network.ts';

/** Tags of instances and of network resources. Those of launch templates are accepted and not stored. */
export function ec2TagOperations(instances: Ec2Instances, network: Network): Record<string, Operation> {
  const apply = (input: Input, tags: ReadonlyMap<string, string | undefined>) => {
    for (const id of texts(input, 'Resources')) {
      network.tag(id, tags);
      const instance = instances.find(id);
      for (const [key, value] of instance ? tags : []) {
        if (value === undefined) instance?.tags.delete(key);
        else instance?.tags.set(key, value);
      }
    }
    return {};
  };
  const given = (input: Input) => structures(input, 'Tags');
  return {
    CreateTags: {
      run: (input) =>
        apply(
          input,
          new Map(given(input).map((tag) => [text(tag, 'Key'), optionalText(tag, 'Value') ?? ''])),
        ),
    },
    DeleteTags: {
      run: (input) => apply(input, new Map(given(input).map((tag) => [text(tag, 'Key'), undefined]))),
    },
  };
}
