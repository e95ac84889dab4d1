/** Who may read and write the files of a class (docs/files.md). The core knows nothing of it. */

/** Numbers or names, as the user wrote them. */
export interface AccessSpec {
  readonly owner: string;
  readonly group: string;
  /** The lower twelve bits of st_mode. */
  readonly mode: number;
}

/** Parameters of a class that are read and written, by the names of their files. */
export const PARAMETER_FILES = [
  'bandwidth',
  'rate',
  'weight',
  'priority',
  'mode',
  'burst',
  'limit',
  'match',
  'aqm',
  'isolation',
  'ackFilter',
  'adjust',
  'police',
  'meter',
  'remark',
  'each',
  'tcp',
  'schedule',
] as const;

/** Files that are only read. */
export const REPORT_FILES = ['stat', 'clients', 'error'] as const;

export type ParameterFile = (typeof PARAMETER_FILES)[number];
export type ReportFile = (typeof REPORT_FILES)[number];

/** Entries of `access`: `dir` is the directory, `files` are the files without an entry of their own. */
export type AccessEntry = 'dir' | 'files' | ParameterFile | ReportFile;

export type ClassAccess = Readonly<Partial<Record<AccessEntry, AccessSpec>>>;

/** Without entries everything is root's, and others may look. */
export const ACCESS_DEFAULTS = {
  dir: { owner: 'root', group: 'root', mode: 0o755 },
  parameter: { owner: 'root', group: 'root', mode: 0o644 },
  report: { owner: 'root', group: 'root', mode: 0o444 },
} as const satisfies Record<string, AccessSpec>;
