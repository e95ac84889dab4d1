/**
 * Keeps pacing away from a kernel that does not take edited packets, or may not: a paced class would lose its
 * TCP packets there. Such classes are shaped without pacing, and warnings say so.
 */
import { equal } from '../base/equal.ts';
import { listClasses } from '../core/classes/classes.ts';
import type { EditTrial } from '../io/nfqueue/edit-trial.ts';
import type { ClassSpec, PaceSpec, ShaperSpec } from '../spec/spec.ts';

/** So many paths in one sentence. */
const PATHS_MAX = 3;

export class PacingGate {
  private readonly trial: EditTrial;
  /** By path of a class: what it asks for in vain. */
  private withheld: ReadonlyMap<string, PaceSpec> = new Map();

  constructor(trial: EditTrial) {
    this.trial = trial;
  }

  /** What the instance can do of a specification. */
  admit(spec: ShaperSpec): ShaperSpec {
    return this.trial.outcome === 'taken' || pacedClasses(spec).size === 0 ? spec : withoutPacing(spec);
  }

  /**
   * The instance goes by this specification now, as far as it was admitted. Returns a warning if it brings
   * classes that ask for pacing in vain, or ask for another one than before; else null.
   */
  settle(spec: ShaperSpec): string | null {
    if (this.trial.outcome === 'taken') return null;
    const before = this.withheld;
    this.withheld = pacedClasses(spec);
    const isNew = [...this.withheld].some(([path, pace]) => !equal(before.get(path), pace));
    return isNew ? this.sentence(this.trial) : null;
  }

  /** What is wrong now, as sentences. */
  get warnings(): readonly string[] {
    const { trial } = this;
    return trial.outcome === 'taken' || this.withheld.size === 0 ? [] : [this.sentence(trial)];
  }

  private sentence(trial: NotTaken): string {
    const paths = [...this.withheld.keys()];
    const more = paths.length > PATHS_MAX ? ` and ${paths.length - PATHS_MAX} more` : '';
    return `tcp.pace is off in ${paths.slice(0, PATHS_MAX).join(', ')}${more}: ${causeOf(trial)}`;
  }
}

type NotTaken = Exclude<EditTrial, { outcome: 'taken' }>;

function causeOf(trial: NotTaken): string {
  if (trial.outcome === 'refused') return REFUSED;
  return `whether the kernel takes edited packets is unknown (${trial.reason}), so packets are only shaped. ${WAY_OUT}`;
}

const REFUSED =
  'edited packets get lost here, so packets are only shaped. Linux drops edited ones from 7.1 on in the network ' +
  'namespaces of rootless containers, and a rule of another program can. Start again where neither is the case';
const WAY_OUT =
  'Start again when programs of this host can connect to 127.0.0.1: ip link set lo up, and no rule in the way';

function pacedClasses(spec: ShaperSpec): Map<string, PaceSpec> {
  const classes = listClasses(spec);
  return new Map(classes.flatMap(({ path, spec: { pace } }) => (pace === null ? [] : [[path, pace]])));
}

function withoutPacing(spec: ShaperSpec): ShaperSpec {
  const links = spec.links.map((link) => ({ ...link, up: unpaced(link.up), down: unpaced(link.down) }));
  return { ...spec, links };
}

function unpaced(root: ClassSpec | null): ClassSpec | null {
  return root === null ? null : unpacedClass(root);
}

function unpacedClass(node: ClassSpec): ClassSpec {
  return { ...node, pace: null, children: node.children.map(unpacedClass) };
}
