/**
 * The shares of a class tree in the fluid limit: the slow twin of src/core/tree/trees.ts. Every leaf gets its
 * demand within its own rate. Then every inner class, the lower ones first, lends the rest of its rate: first
 * to leaves of the first priority, at every branch in proportion to the weights, to none above a ceiling,
 * then to the next priority.
 */
export interface SharingClass {
  readonly name: string;
  readonly parent?: string;
  readonly rate: number;
  readonly ceil: number;
  readonly prio: number;
  readonly weight: number;
  /** Of a leaf: what it asks for; Infinity: all it can get. */
  readonly demand: number;
}

const NOTHING = 1e-6;

class Node {
  readonly own: SharingClass;
  readonly children: Node[];
  had = 0;

  constructor(own: SharingClass, all: readonly SharingClass[]) {
    this.own = own;
    this.children = all.filter(({ parent }) => parent === own.name).map((child) => new Node(child, all));
  }

  get level(): number {
    return this.children.length === 0 ? 0 : 1 + Math.max(...this.children.map((child) => child.level));
  }

  nodes(): Node[] {
    return [this, ...this.children.flatMap((child) => child.nodes())];
  }

  /** What it would take more of a priority, whatever its weight. */
  room(prio: number): number {
    const { ceil, demand } = this.own;
    const below =
      this.children.length > 0
        ? this.children.reduce((total, child) => total + child.room(prio), 0)
        : this.own.prio === prio
          ? demand - this.had
          : 0;
    return Math.max(0, Math.min(ceil - this.had, below));
  }

  /** Takes `amount`, at most its room. */
  give(amount: number, prio: number): void {
    this.had += amount;
    let left = amount;
    // Each round one child at least is full, or nothing is left.
    while (this.children.length > 0 && left > NOTHING) {
      const takers = this.children.filter((child) => child.room(prio) > NOTHING);
      const weights = takers.reduce((total, child) => total + child.own.weight, 0);
      const perWeight = Math.min(
        left / weights,
        ...takers.map((child) => child.room(prio) / child.own.weight),
      );
      if (takers.length === 0) return;
      for (const child of takers) child.give(perWeight * child.own.weight, prio);
      left -= perWeight * weights;
    }
  }
}

/** By name of the leaf. */
export function shareOut(all: readonly SharingClass[]): Record<string, number> {
  const root = new Node(all.find(({ parent }) => parent === undefined) as SharingClass, all);
  const nodes = root.nodes();
  const chargeUp = (node: Node, amount: number): void => {
    for (let own: Node | undefined = node; own; own = parentOf(own)) own.had += amount;
  };
  const parentOf = (node: Node): Node | undefined => nodes.find(({ children }) => children.includes(node));
  for (const leaf of nodes.filter(({ children }) => children.length === 0)) {
    chargeUp(leaf, Math.min(leaf.own.rate, leaf.own.demand));
  }
  const lenders = nodes.filter(({ children }) => children.length > 0).sort((a, b) => a.level - b.level);
  for (const lender of lenders) {
    for (let prio = 0; prio < 8; prio++) {
      const spare = Math.min(lender.own.rate - lender.had, lender.room(prio));
      if (spare <= NOTHING) continue;
      const above = parentOf(lender);
      if (above) chargeUp(above, spare);
      lender.give(spare, prio);
    }
  }
  return Object.fromEntries(
    nodes.filter(({ children }) => children.length === 0).map(({ own, had }) => [own.name, had]),
  );
}
