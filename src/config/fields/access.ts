/** Fields of `access`: who may read and write the files of a class. Part of the table in sections.ts. */
import { type AccessEntry, type AccessSpec, PARAMETER_FILES, REPORT_FILES } from '../../spec/access.ts';
import { FieldError, node, ref, type ScalarField, TEXT_SCHEMA, type TextForm, word } from './kinds.ts';

/** A number, or a name as useradd(8) takes it. */
const ID = /^(?:\d{1,10}|[A-Za-z_][\w.-]*\$?)$/;
const ID_MAX = 0xffff_fffe;

export const ACCESS_TEXT: TextForm<AccessSpec> = {
  read(text) {
    const [, owner, group, mode] = /^([^\s:]+):([^\s:]+)\s+([0-7]{3,4})$/.exec(text.trim()) ?? [];
    if (owner === undefined || group === undefined || mode === undefined)
      throw new FieldError(`'${text}' is no access; write OWNER:GROUP MODE, such as alice:staff 640`);
    for (const id of [owner, group])
      if (!ID.test(id) || Number(id) > ID_MAX)
        throw new FieldError(`'${id}' is neither a name nor a number of a user or group`);
    return { owner, group, mode: Number.parseInt(mode, 8) };
  },
  write: ({ owner, group, mode }) => `${owner}:${group} ${mode.toString(8).padStart(3, '0')}`,
};

function entry(help: string): ScalarField<AccessSpec> {
  return word({ takes: 'OWNER:GROUP MODE', default: 'as of access', help }, ACCESS_TEXT);
}

const NAMES: readonly AccessEntry[] = ['dir', 'files', ...PARAMETER_FILES, ...REPORT_FILES];

/** The entries of `access`. They are no keys that people look for: the names are those of files. */
export const ACCESS: Readonly<Record<string, ScalarField<AccessSpec>>> = Object.fromEntries(
  NAMES.map((name) => [name, entry(`Of ${name}.`)]),
);

export const access = node(
  {
    takes: '{ FILE: OWNER:GROUP MODE, … }',
    default: 'root:root 755 of the directory, 644 of its files, 444 of those that are only read',
    help: 'Who may read and write the class where classes are files (docs/files.md): `dir` is its directory, `files` are all files in it, and each file may have an entry by its name. `chown` and `chmod` write it. Packets are shaped as before.',
  },
  {
    type: 'object',
    propertyNames: { enum: NAMES },
    additionalProperties: { anyOf: [TEXT_SCHEMA, ref('perDirection')] },
  },
);
