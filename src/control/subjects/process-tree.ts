/**
 * Which rules hold for which process: its own, and those that it has from its ancestors, the nearest first. A
 * process keeps what it has from an ancestor after that one has ended.
 *
 * The kernel gives a process whose parent has ended to another parent. So the tree remembers each process
 * from the first scan that sees it, and hands the rules of one that ends to its children. A process that is
 * seen for the first time when its parent has ended already is known by its process group or its session:
 * both are handed down from their leaders.
 */
import type { ProcessSource, ProcessStat } from '../../io/proc/processes.ts';

export interface KnownProcess {
  readonly pid: number;
  readonly startTicks: number;
  readonly name: string;
  readonly group: number;
  readonly session: number;
  /** Its program; null if no rule asks for it, or if it cannot be read. */
  readonly exe: string | null;
}

export interface ProcessRule {
  /** Never given again. */
  readonly id: number;
  /** Whether children of the process have the rule as well. */
  readonly isInherited: boolean;
  /** Among the own rules of a process, the smallest comes first. */
  readonly order: number;
  matches(process: KnownProcess): boolean;
}

export interface TrackedProcess {
  readonly process: KnownProcess;
  /** Ids of the rules that hold for it, the nearest first. */
  readonly rules: readonly number[];
  /** Ids of those that its children get. */
  readonly handedDown: readonly number[];
}

/** A scan of this many reads processes anew that no rule holds for: they may run another program by now. */
const SCANS_UNTIL_ALL = 10;
/** A process is read again in so many scans after its first, because it soon runs another program. */
const YOUNG_SCANS = 4;
/** Programs that become the parent of processes whose own has ended. */
const REAPERS = new Set(['systemd', 'init', 'tini', 'docker-init', 'dumb-init', 'catatonit', 'conmon']);

class Node implements KnownProcess {
  readonly pid: number;
  readonly startTicks: number;
  readonly bornScan: number;
  name: string;
  group: number;
  session: number;
  exe: string | null;
  /** As long as it is there; else the nearest ancestor that is. */
  parent: Node | null = null;
  /** Rules of ancestors that have ended, the nearest first. */
  adopted: readonly number[] = [];
  isDead = false;
  /** Null until they are asked for. */
  own: readonly number[] | null = null;
  rules: readonly number[] | null = null;

  constructor({ pid, startTicks, name, group, session }: ProcessStat, exe: string | null, bornScan: number) {
    this.pid = pid;
    this.startTicks = startTicks;
    this.name = name;
    this.group = group;
    this.session = session;
    this.exe = exe;
    this.bornScan = bornScan;
  }
}

export class ProcessTree {
  readonly #source: ProcessSource;
  #nodes = new Map<number, Node>();
  #rules: readonly ProcessRule[] = [];
  #byId = new Map<number, ProcessRule>();
  #readsExe = false;
  #scans = 0;
  #lastPid = 0;

  constructor(source: ProcessSource) {
    this.#source = source;
  }

  /** The newest process of which the last scan knows. */
  get lastPid(): number {
    return this.#lastPid;
  }

  get hasRules(): boolean {
    return this.#rules.length > 0;
  }

  /** From now on these rules hold. `readsExe`: one of them asks for programs. */
  setRules(rules: readonly ProcessRule[], readsExe: boolean): void {
    this.#rules = rules.toSorted((a, b) => a.order - b.order);
    this.#byId = new Map(rules.map((rule) => [rule.id, rule]));
    // Programs that nobody has asked for are not known.
    if (rules.length === 0 || (readsExe && !this.#readsExe)) this.#forgetPrograms();
    if (rules.length === 0) this.#nodes.clear();
    this.#readsExe = readsExe;
    for (const node of this.#nodes.values()) node.own = null;
    this.#forgetRules();
  }

  /** Reads processes. Returns whether anything has changed since the last scan. */
  scan(): boolean {
    const isOfAll = this.#scans++ % SCANS_UNTIL_ALL === 0 || this.#nodes.size === 0;
    // Read first, so that no newer process is taken for one that the scan has seen.
    this.#lastPid = this.#source.lastPid();
    const alive = new Map<number, Node>();
    const born: (readonly [Node, number])[] = [];
    let isChanged = false;
    for (const pid of this.#source.pids()) {
      const known = this.#nodes.get(pid);
      if (known !== undefined && !isOfAll && !this.#isWatched(known)) {
        alive.set(pid, known);
        continue;
      }
      const stat = this.#source.stat(pid);
      if (stat === null || !stat.isAlive) continue;
      if (known?.startTicks === stat.startTicks) {
        alive.set(pid, known);
        isChanged = this.#refresh(known, stat) || isChanged;
      } else {
        const node = new Node(stat, this.#exeOf(pid), this.#scans);
        alive.set(pid, node);
        born.push([node, stat.parent]);
      }
    }
    for (const node of this.#nodes.values()) {
      if (alive.get(node.pid) === node) continue;
      node.isDead = true;
      isChanged = true;
    }
    for (const [node, parent] of born) node.parent = parentOf(node, parent, alive, this.#nodes);
    for (const node of alive.values()) this.#adopt(node);
    this.#nodes = alive;
    if (isChanged || born.length > 0) this.#forgetRules();
    return isChanged || born.length > 0;
  }

  /** Processes for which a rule holds. */
  tracked(): TrackedProcess[] {
    const result: TrackedProcess[] = [];
    for (const node of this.#nodes.values()) {
      const rules = this.#rulesOf(node);
      if (rules.length > 0) result.push({ process: node, rules, handedDown: this.#inherited(rules) });
    }
    return result;
  }

  /** Those for which a rule holds, and the young ones, may change at any time. */
  #isWatched(node: Node): boolean {
    return node.rules === null || node.rules.length > 0 || this.#scans - node.bornScan < YOUNG_SCANS;
  }

  #exeOf(pid: number): string | null {
    return this.#readsExe ? this.#source.exe(pid) : null;
  }

  #refresh(node: Node, { name, group, session, pid }: ProcessStat): boolean {
    const exe = this.#readsExe && (node.exe === null || node.name !== name) ? this.#exeOf(pid) : node.exe;
    if (node.name === name && node.group === group && node.session === session && node.exe === exe)
      return false;
    Object.assign(node, { name, group, session, exe, own: null });
    return true;
  }

  /** Takes the rules of ancestors that have ended. */
  #adopt(node: Node): void {
    while (node.parent?.isDead) {
      const { parent } = node;
      node.adopted = unique([...node.adopted, ...this.#inherited(this.#ownOf(parent)), ...parent.adopted]);
      node.parent = parent.parent;
    }
  }

  #ownOf(node: Node): readonly number[] {
    node.own ??= this.#rules.filter((rule) => rule.matches(node)).map(({ id }) => id);
    return node.own;
  }

  #rulesOf(node: Node): readonly number[] {
    if (node.rules !== null) return node.rules;
    const above = node.parent === null ? [] : this.#inherited(this.#rulesOf(node.parent));
    const adopted = this.#inherited(node.adopted);
    node.rules = unique([...this.#ownOf(node), ...adopted, ...above]);
    return node.rules;
  }

  /** Of these rules those that still hold and that children get. */
  #inherited(ids: readonly number[]): readonly number[] {
    return ids.length === 0 ? ids : ids.filter((id) => this.#byId.get(id)?.isInherited);
  }

  #forgetRules(): void {
    for (const node of this.#nodes.values()) node.rules = null;
  }

  #forgetPrograms(): void {
    this.#scans = 0;
    for (const node of this.#nodes.values()) node.exe = null;
  }
}

/** `before` are the processes of the last scan: some of them have ended. */
function parentOf(
  node: Node,
  parentPid: number,
  alive: ReadonlyMap<number, Node>,
  before: ReadonlyMap<number, Node>,
): Node | null {
  const parent = alive.get(parentPid) ?? null;
  const isOrphan = parent === null || parent.pid === 1 || REAPERS.has(parent.name);
  if (!isOrphan || node.session === node.pid || parent?.session === node.session) return parent;
  const leaders = [node.group, node.session].filter((pid) => pid !== node.pid);
  for (const pid of leaders) {
    const leader = alive.get(pid) ?? before.get(pid);
    if (leader !== undefined) return leader;
  }
  return parent;
}

function unique(ids: readonly number[]): readonly number[] {
  return ids.length < 2 ? ids : [...new Set(ids)];
}
