// One frame of the tree on its canvas. Only what can be seen is drawn, a shade at a time.
import type { Palette } from "./colours";
import type { Moment, TreeModel } from "./model";
import { oneLine } from "./text";
import type { Camera } from "./view";

export interface Look {
  colours: Palette;
  shades: string[];
  /** The shade of a node now; -1 where it has no figure. */
  shadeOf: (node: number) => number;
  selected: number;
  hovered: number | null;
  hits: Set<number>;
  /** The node that the next expansion chose; null at the end. */
  chosen: number | null;
  /** Who it was chosen from. */
  rivals: Set<number>;
}

const LABELS_FROM = 13;
const FAINT = 0.13;

export function draw(context: CanvasRenderingContext2D, model: TreeModel, camera: Camera, now: Moment, look: Look): void {
  context.clearRect(0, 0, camera.width, camera.height);
  const seen = visible(model, camera);
  const radius = radii(model, camera, now);
  edges(context, model, camera, now, look, seen);
  if (camera.view.row >= LABELS_FROM && camera.view.column >= 64) labels(context, model, camera, now, look, seen, radius);
  nodes(context, model, camera, now, look, seen, radius);
  marks(context, model, camera, now, look, seen, radius);
}

/** Nodes that are on the canvas, or whose edge to their parent may be. */
function visible(model: TreeModel, camera: Camera): number[] {
  const { x, y, column, row } = camera.view;
  const [d0, d1] = [(-x - 14) / column - 1, (camera.width - x + 14) / column + 1];
  const [r0, r1] = [(-y - 16) / row, (camera.height - y + 16) / row];
  const found: number[] = [];
  const { parent } = model.data.nodes;
  for (let node = 0; node < model.size; node++) {
    const at = model.row[node]!;
    const above = node ? model.row[parent[node]!]! : at;
    if (model.depth[node]! < d0 || model.depth[node]! > d1) continue;
    if (Math.max(at, above) >= r0 && Math.min(at, above) <= r1) found.push(node);
  }
  return found;
}

function radii(model: TreeModel, camera: Camera, now: Moment): (node: number) => number {
  let most = 1;
  for (const visits of now.visits) most = Math.max(most, visits);
  const { row } = camera.view;
  return (node) => {
    const wanted = 2.6 + 9 * Math.sqrt(now.visits[node]! / most);
    return Math.max(Math.min(wanted, row * 0.42 * Math.sqrt(model.leaves[node]!)), 1.1);
  };
}

function edges(context: CanvasRenderingContext2D, model: TreeModel, camera: Camera, now: Moment, look: Look, seen: number[]): void {
  const { parent } = model.data.nodes;
  const bent = camera.view.row > 2;
  const path = new Set(model.path(look.selected));
  for (const [pass, style] of [[0, look.colours.line], [1, look.colours.line], [2, look.colours.accent]] as const) {
    context.beginPath();
    for (const node of seen) {
      if (!node) continue;
      const there = model.createdAt[node]! <= now.at;
      if (pass !== (!there ? 0 : path.has(node) ? 2 : 1)) continue;
      const [x0, y0] = camera.place(parent[node]!);
      const [x1, y1] = camera.place(node);
      context.moveTo(x0, y0);
      if (bent) context.bezierCurveTo((x0 + x1) / 2, y0, (x0 + x1) / 2, y1, x1, y1);
      else context.lineTo(x1, y1);
    }
    context.globalAlpha = pass ? 1 : 0.35;
    context.strokeStyle = style;
    context.lineWidth = pass === 2 ? 2.5 : camera.view.row < 3 ? 0.4 : 1.2;
    context.stroke();
  }
  context.globalAlpha = 1;
}

function nodes(
  context: CanvasRenderingContext2D, model: TreeModel, camera: Camera, now: Moment, look: Look, seen: number[], radius: (node: number) => number,
): void {
  const byShade = new Map<number, number[]>();
  for (const node of seen) {
    const shade = model.createdAt[node]! > now.at ? -2 : look.shadeOf(node);
    const of = byShade.get(shade);
    if (of) of.push(node);
    else byShade.set(shade, [node]);
  }
  for (const [shade, some] of [...byShade].sort(([a], [b]) => a - b)) {
    context.beginPath();
    for (const node of some) shape(context, camera.place(node), shade === -2 ? Math.min(2.5, radius(node)) : radius(node), Boolean(model.end[node]));
    context.globalAlpha = shade === -2 ? FAINT : 1;
    context.fillStyle = shade < 0 ? look.colours.quiet : look.shades[shade]!;
    context.fill();
  }
  context.globalAlpha = 1;
}

/** Ends of responses are squares, steps are circles. */
function shape(context: CanvasRenderingContext2D, [x, y]: [number, number], radius: number, end: boolean): void {
  if (end || radius < 1.6) context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  else {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
}

function marks(
  context: CanvasRenderingContext2D, model: TreeModel, camera: Camera, now: Moment, look: Look, seen: number[], radius: (node: number) => number,
): void {
  const { row } = camera.view;
  const ring = (node: number, gap: number, width: number, style: string, dash: number[] = []): void => {
    context.beginPath();
    shape(context, camera.place(node), radius(node) + gap, Boolean(model.end[node]));
    context.setLineDash(dash);
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
    context.setLineDash([]);
  };
  const there = seen.filter((node) => model.createdAt[node]! <= now.at);
  if (row > 7) verdicts(context, model, camera, look, there, radius);
  if (now.at < model.expansions && row > 2.5) {
    for (const node of there) if (look.rivals.has(node)) ring(node, 1.8, 1.5, look.colours.accent, row > 7 ? [2.5, 2] : []);
  }
  for (const node of there) if (look.hits.has(node)) ring(node, 2.5, row > 5 ? 3 : 2, look.colours.hit);
  if (look.hovered !== null) ring(look.hovered, 2.5, 1.5, look.colours.text);
  if (look.chosen !== null) {
    const [x, y] = camera.place(look.chosen);
    context.beginPath();
    context.arc(x, y, radius(look.chosen) + 9, 0, 2 * Math.PI);
    context.globalAlpha = 0.25;
    context.fillStyle = look.colours.accent;
    context.fill();
    context.globalAlpha = 1;
    ring(look.chosen, 3, 3, look.colours.accent);
  }
  ring(look.selected, 2.5, 2.5, look.colours.text);
}

/** A tick in right ends and a cross in wrong ones, so that no verdict hangs on a colour. */
function verdicts(
  context: CanvasRenderingContext2D, model: TreeModel, camera: Camera, look: Look, there: number[], radius: (node: number) => number,
): void {
  for (const right of [true, false]) {
    context.beginPath();
    for (const node of there) {
      if (!model.end[node] || model.end[node]!.correct !== right) continue;
      const [x, y] = camera.place(node);
      const r = radius(node) * 0.6;
      if (r < 1.4) continue;
      if (right) {
        context.moveTo(x - r, y);
        context.lineTo(x - r * 0.25, y + r * 0.75);
        context.lineTo(x + r, y - r * 0.75);
      } else {
        context.moveTo(x - r, y - r);
        context.lineTo(x + r, y + r);
        context.moveTo(x + r, y - r);
        context.lineTo(x - r, y + r);
      }
    }
    context.strokeStyle = look.colours.ground;
    context.lineWidth = 1.5;
    context.stroke();
  }
}

function labels(
  context: CanvasRenderingContext2D, model: TreeModel, camera: Camera, now: Moment, look: Look, seen: number[], radius: (node: number) => number,
): void {
  const size = Math.min(13, Math.max(9.5, camera.view.row * 0.5));
  context.font = `${size}px ui-monospace, "SF Mono", Menlo, Consolas, monospace`;
  context.textBaseline = "middle";
  const letter = context.measureText("0").width;
  for (const node of seen) {
    if (model.createdAt[node]! > now.at) continue;
    const [x, y] = camera.place(node);
    if (x < -camera.view.column || y < -10 || y > camera.height + 10) continue;
    const start = radius(node) + 5;
    const columns = model.children[node]!.length ? 1 : Math.min(model.freeRight[node]!, 4);
    const end = model.depth[node]! + columns > model.deepest ? camera.width - x : columns * camera.view.column - 14;
    const room = Math.floor((Math.max(end, 0) - start) / letter);
    if (room < 4) continue;
    const text = node ? model.data.nodes.text[node]! : "prompt";
    const label = oneLine(text.trim() || (model.end[node] ? "(end)" : "(empty)"), room - 1);
    const wide = Math.min(context.measureText(label).width, room * letter) + 4;
    context.fillStyle = look.colours.ground;
    context.globalAlpha = 0.82;
    context.fillRect(x + start - 2, y - size * 0.7, wide, size * 1.4);
    context.globalAlpha = 1;
    context.fillStyle = look.hits.has(node) || node === look.selected ? look.colours.text : look.colours.quiet;
    context.fillText(label, x + start, y + 0.5, room * letter);
  }
}
