/** What is stored of a host as text, as the directory has it. Text that is none of ours is left out. */
import { prefix } from '../../config/fields/addresses.ts';
import { mac } from '../../config/fields/host-names.ts';
import { FieldError, type TextForm } from '../../config/fields/kinds.ts';
import type { MacSpec } from '../../spec/hosts.ts';
import type { StoredHost } from '../../store/batch.ts';
import type { EntryAddress } from './entry.ts';

interface Restored {
  readonly macs: readonly MacSpec[];
  readonly addresses: readonly EntryAddress[];
}

export function restored({ macs, addresses }: Pick<StoredHost, 'macs' | 'addresses'>): Restored {
  return {
    macs: macs.flatMap((text) => readOne(mac, text) ?? []),
    addresses: addresses.flatMap((text): EntryAddress[] => {
      const read = readOne(prefix, text);
      return read === null ? [] : [{ text, family: read.prefix.family, words: read.prefix.words }];
    }),
  };
}

function readOne<T>(form: TextForm<T>, text: string): T | null {
  try {
    return form.read(text);
  } catch (error) {
    if (error instanceof FieldError) return null;
    throw error;
  }
}
