// Where the tree lies on the canvas. Rows and columns have scales of their own: at the smallest both fill the canvas,
// at the largest a row is a line of text and a column has room for one.
import { zoomIdentity, type ZoomTransform } from "d3-zoom";

import type { TreeModel } from "./model";

export interface View {
  x: number;
  y: number;
  /** Pixels a column and a row. */
  column: number;
  row: number;
}

const MARGIN = { left: 22, top: 18, bottom: 18 };
const READABLE = 26;
const WIDE = 240;

export class Camera {
  view: View = { x: 0, y: 0, column: 1, row: 1 };
  width = 1;
  height = 1;
  private fitted = { column: 1, row: 1 };
  private last: ZoomTransform = zoomIdentity;

  constructor(private readonly model: TreeModel) {}

  /** Take the canvas's size; whether it was showing the whole tree. */
  resize(width: number, height: number): void {
    [this.width, this.height] = [width, height];
    const { rows, deepest } = this.model;
    const row = Math.min(64, (height - MARGIN.top - MARGIN.bottom) / Math.max(rows, 1));
    this.fitted = { row, column: Math.max(14, (width - MARGIN.left) / (deepest + 1)) };
  }

  /** The largest zoom, in those of the whole tree. */
  get most(): number {
    return Math.max(4, (1.6 * READABLE) / this.fitted.row);
  }

  /** The transform that shows the whole tree. */
  get whole(): ZoomTransform {
    return zoomIdentity.translate(0, MARGIN.top + Math.max(0, (this.height - MARGIN.top - MARGIN.bottom - this.model.rows * this.fitted.row) / 2));
  }

  private columnAt(k: number): number {
    const full = Math.max(this.fitted.column, WIDE);
    const share = Math.log(Math.max(k, 1)) / Math.log(Math.max(READABLE / this.fitted.row, 2));
    return this.fitted.column * (full / this.fitted.column) ** Math.min(1, Math.max(0, share)) * Math.min(k, 1);
  }

  /** Follow d3's transform: its y is ours, its x keeps the point under the pointer where it was. */
  follow(next: ZoomTransform): void {
    const column = this.columnAt(next.k);
    const { last, view } = this;
    if (next.k === last.k) view.x += next.x - last.x;
    else {
      const ratio = next.k / last.k;
      const pointer = (next.x - last.x * ratio) / (1 - ratio);
      view.x = pointer - ((pointer - view.x) * column) / view.column;
    }
    this.last = next;
    this.view = { x: view.x, y: next.y, column, row: this.fitted.row * next.k };
  }

  /** Put the tree's beginning at the left edge, as `whole` shows it. */
  home(): void {
    this.last = this.whole;
    this.view = { x: MARGIN.left, y: this.last.y, column: this.columnAt(1), row: this.fitted.row };
  }

  /** The transform after moving so that a node is at the canvas's middle; at a zoom of at least `k`. */
  towards(node: number, k = this.last.k): ZoomTransform {
    const [x, y] = [this.model.depth[node]! * this.columnAt(k), this.model.row[node]! * this.fitted.row * k];
    this.view.x = Math.min(MARGIN.left, this.width * 0.4 - x);
    this.view.column = this.columnAt(k);
    this.last = zoomIdentity.translate(this.last.x, this.height / 2 - y).scale(k);
    return this.last;
  }

  place(node: number): [number, number] {
    const { x, y, column, row } = this.view;
    return [x + this.model.depth[node]! * column, y + this.model.row[node]! * row];
  }

  sees(node: number): boolean {
    const [x, y] = this.place(node);
    return x >= 0 && x <= this.width - 8 && y >= 4 && y <= this.height - 4;
  }

  /** The node at a point of the canvas, its text included; null where there is none. */
  pick(px: number, py: number, visible: (node: number) => boolean): number | null {
    const { x, y, column, row } = this.view;
    const reach = { left: row >= READABLE / 2 ? column * 0.9 : 14, right: 14, up: Math.max(row * 0.55, 7) };
    const [d0, d1] = [(px - reach.left - x) / column, (px + reach.right - x) / column];
    const [r0, r1] = [(py - reach.up - y) / row, (py + reach.up - y) / row];
    let [best, least] = [null as number | null, Infinity];
    this.model.quads.visit((quad, left, top, right, bottom) => {
      if (left > d1 || right < d0 || top > r1 || bottom < r0) return true;
      if (!quad.length) {
        let leaf: typeof quad | undefined = quad;
        for (; leaf; leaf = leaf.next) {
          const node = leaf.data;
          const [nx, ny] = this.place(node);
          const dx = nx > px ? nx - px : (px - nx) * 0.2;
          const far = Math.hypot(dx, 2 * (ny - py));
          const inside = nx <= px + reach.right && nx >= px - reach.left && Math.abs(ny - py) <= reach.up;
          if (inside && far < least && visible(node)) [best, least] = [node, far];
        }
      }
      return false;
    });
    return best;
  }
}
