/** The words behind the name of a bench. */

export interface Words {
  /** Measure little, to see that it runs. */
  readonly quick: boolean;
  /** Of the parts it has, those asked for; all when none is. */
  readonly parts: readonly string[];
}

interface Known {
  readonly parts?: readonly string[];
  readonly hasQuick?: boolean;
}

/** Ends the process with status 2 when there is a word that means nothing: measuring takes minutes. */
export function readWords({ parts = [], hasQuick = true }: Known = {}): Words {
  const words = process.argv.slice(2);
  const known = [...(hasQuick ? ['--quick'] : []), ...parts];
  const unknown = words.filter((word) => !known.includes(word));
  if (unknown.length > 0) {
    const meant = known.length === 0 ? 'it takes none' : `there is ${known.join(', ')}`;
    console.error(`bench: ${unknown.join(' ')} means nothing here; ${meant}`);
    process.exit(2);
  }
  const wanted = words.filter((word) => parts.includes(word));
  return { quick: words.includes('--quick'), parts: wanted.length === 0 ? parts : wanted };
}
