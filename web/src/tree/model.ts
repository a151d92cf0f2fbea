// What the viewer asks of a tree: its shape, where its nodes lie, and its numbers at any moment of its growth.
import { hierarchy, tree as tidy, type HierarchyNode } from "d3-hierarchy";
import { quadtree, type Quadtree } from "d3-quadtree";

import type { Choice, End, Row, TreeData } from "./data";

/** The numbers when `at` expansions were done. */
export interface Moment {
  at: number;
  visits: Float64Array;
  value: Float64Array;
  /** Terms of the open nodes, as the selector had them last. */
  frontier: Map<number, Row>;
}

export class TreeModel {
  readonly size: number;
  readonly expansions: number;
  readonly children: number[][];
  readonly depth: Int32Array;
  /** Place across the tree, in rows; `depth` is the place along it. */
  readonly row: Float64Array;
  readonly rows: number;
  readonly deepest: number;
  /** Ends below a node, itself included: how many were verified, and how many of them right. */
  readonly endsBelow: Int32Array;
  readonly rightBelow: Int32Array;
  readonly leaves: Int32Array;
  /** How many columns to the right of a node its text may take before another node is in the way. */
  readonly freeRight: Int32Array;
  /** When a node was expanded (its place in the order, or infinity) and from when it is there. */
  readonly expandedAt: Float64Array;
  readonly createdAt: Float64Array;
  /** Verified ends of responses, and probes of the nodes they began at. */
  readonly ends: End[];
  readonly probes: End[];
  readonly end: (End | undefined)[];
  readonly quads: Quadtree<number>;
  readonly solutions: number[];
  readonly confidentWrong: number[];
  readonly lower: string[];
  private moment: Moment;

  constructor(readonly data: TreeData) {
    const { parent } = data.nodes;
    this.size = parent.length;
    this.expansions = data.choices.length;
    this.children = parent.map(() => []);
    parent.forEach((above, node) => node && this.children[above]!.push(node));
    this.depth = new Int32Array(this.size);
    for (let node = 1; node < this.size; node++) this.depth[node] = this.depth[parent[node]!]! + 1;
    this.expandedAt = new Float64Array(this.size).fill(Infinity);
    data.choices.forEach((choice, number) => (this.expandedAt[choice.node] = number));
    this.createdAt = Float64Array.from(data.nodes.created);
    this.end = [];
    this.ends = data.ends.filter((end) => !end.probe);
    this.probes = data.ends.filter((end) => end.probe);
    for (const end of this.ends) this.end[end.node] = end;
    [this.endsBelow, this.rightBelow, this.leaves] = this.counted();
    this.row = this.laidOut();
    this.deepest = this.depth.reduce((most, depth) => Math.max(most, depth), 0);
    this.rows = this.row.reduce((most, row) => Math.max(most, row), 0);
    this.freeRight = this.room();
    this.quads = quadtree<number>()
      .x((node) => this.depth[node]!)
      .y((node) => this.row[node]!)
      .addAll(Array.from(parent.keys()));
    this.solutions = this.ends.filter((end) => end.correct).map((end) => end.node);
    this.confidentWrong = this.ends.filter((end) => !end.correct).sort((a, b) => a.entropy - b.entropy).map((end) => end.node);
    this.lower = data.nodes.text.map((text) => text.toLowerCase());
    this.moment = this.beginning();
  }

  private counted(): [Int32Array, Int32Array, Int32Array] {
    const [ends, right, leaves] = [0, 0, 0].map(() => new Int32Array(this.size)) as [Int32Array, Int32Array, Int32Array];
    for (const end of this.data.ends) {
      ends[end.node]!++;
      right[end.node]! += Number(end.correct);
    }
    for (let node = this.size - 1; node >= 0; node--) {
      if (!this.children[node]!.length) leaves[node] = 1;
      const above = this.data.nodes.parent[node]!;
      if (above < 0) continue;
      ends[above]! += ends[node]!;
      right[above]! += right[node]!;
      leaves[above]! += leaves[node]!;
    }
    return [ends, right, leaves];
  }

  private laidOut(): Float64Array {
    const root = hierarchy<number>(0, (node) => this.children[node]) as HierarchyNode<number>;
    const placed = tidy<number>().nodeSize([1, 1]).separation((a, b) => (a.parent === b.parent ? 1 : 1.35))(root);
    const row = new Float64Array(this.size);
    let least = Infinity;
    placed.each((node) => {
      row[node.data] = node.x;
      least = Math.min(least, node.x);
    });
    return row.map((x) => x - least);
  }

  private room(): Int32Array {
    const columns: number[][] = Array.from({ length: this.deepest + 1 }, () => []);
    this.row.forEach((row, node) => columns[this.depth[node]!]!.push(row));
    const sorted = columns.map((rows) => Float64Array.from(rows).sort());
    return Int32Array.from(this.row, (row, node) => {
      let column = this.depth[node]! + 1;
      while (column <= this.deepest && !anyNear(sorted[column]!, row)) column++;
      return column - this.depth[node]!;
    });
  }

  private beginning(): Moment {
    const { visits, value } = this.data.nodes;
    const known = this.data.numbers.length > 0;
    const start = (final: number[]) => (known ? new Float64Array(this.size) : Float64Array.from(final));
    return { at: -1, visits: start(visits), value: start(value), frontier: new Map() };
  }

  /** The numbers when `at` expansions were done; valid until the next call. */
  momentAt(at: number): Moment {
    if (at < this.moment.at) this.moment = this.beginning();
    const now = this.moment;
    while (now.at < at) {
      now.at++;
      const [nodes, visits, values] = this.data.numbers[now.at] ?? [[], [], []];
      nodes.forEach((node, place) => {
        now.visits[node] = visits[place]!;
        now.value[node] = values[place]!;
      });
      for (const row of this.data.choices[now.at]?.scored ?? []) now.frontier.set(row[0]!, row);
    }
    return now;
  }

  /** The candidates' rows of a choice, level by level; none where they are not known. */
  candidates(choice: Choice, number: number): Row[][] {
    if (choice.levels) return choice.levels;
    if (!choice.scored) return [];
    const { frontier } = this.momentAt(number);
    return [this.open(number).map((node) => frontier.get(node)).filter((row) => row !== undefined)];
  }

  /** Nodes that may be expanded when `at` expansions were done. */
  open(at: number): number[] {
    const found: number[] = [];
    for (let node = 0; node < this.size; node++) if (this.isOpen(node, at)) found.push(node);
    return found;
  }

  isOpen(node: number, at: number): boolean {
    return this.createdAt[node]! <= at && this.expandedAt[node]! >= at && !this.data.nodes.terminal[node];
  }

  path(node: number): number[] {
    const path: number[] = [];
    for (let at = node; at >= 0; at = this.data.nodes.parent[at]!) path.push(at);
    return path.reverse();
  }

  mean(moment: Moment, node: number): number {
    return moment.value[node]! / Math.max(moment.visits[node]!, 1);
  }

  hits(query: string): number[] {
    const wanted = query.trim().toLowerCase();
    if (!wanted) return [];
    const found: number[] = [];
    this.lower.forEach((text, node) => text.includes(wanted) && found.push(node));
    return found;
  }

  /** Expansions until the first right end; null where there is none. */
  get firstSolution(): number | null {
    const first = this.solutions.map((node) => this.createdAt[node]!);
    return first.length ? Math.min(...first) : null;
  }
}

const NEAR = 0.75;

/** Whether any of the sorted rows is so near that texts would touch. */
function anyNear(sorted: Float64Array, row: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < row - NEAR) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length && sorted[low]! <= row + NEAR;
}
