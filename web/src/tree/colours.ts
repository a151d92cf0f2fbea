// What a node's colour may say, and the colours themselves: they come from the page's style, light or dark.
import type { Moment, TreeModel } from "./model";

export interface Palette {
  ground: string;
  raised: string;
  text: string;
  quiet: string;
  line: string;
  accent: string;
  right: string;
  wrong: string;
  neutral: string;
  high: string;
  low: string;
  hit: string;
}

const NAMES = ["ground", "raised", "text", "quiet", "line", "accent", "right", "wrong", "neutral", "high", "low", "hit"];

/** The colours as the style names them. */
export const STYLE = Object.fromEntries(NAMES.map((name) => [name, `var(--${name})`])) as unknown as Palette;

/** The style's colours as the browser has worked them out below `element`. */
export function palette(element: HTMLElement): Palette {
  const probe = element.appendChild(document.createElement("span"));
  const found = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found) as Palette;
}

export type Scale = "around zero" | "from low to high";

export interface Colouring {
  key: string;
  name: string;
  says: string;
  scale: Scale;
  ends: [string, string];
  /** The figure of a node at a moment; null where it has none. */
  of: (model: TreeModel, moment: Moment, node: number) => number | null;
  /** Whether the tree has it. */
  has: (model: TreeModel) => boolean;
}

const always = () => true;

export const COLOURINGS: Colouring[] = [
  {
    key: "value", name: "value", says: "mean value Q: backed-up rewards over visits", scale: "around zero", ends: ["wrong", "right"],
    of: (model, moment, node) => model.mean(moment, node), has: always,
  },
  {
    key: "outcome", name: "outcome", says: "right ends among the verified ones below", scale: "around zero", ends: ["all wrong", "all right"],
    of: (model, moment, node) => outcome(model, moment.at, node), has: always,
  },
  {
    key: "entropy", name: "entropy", says: "H: mean of \u2212log p over the step's tokens", scale: "from low to high", ends: ["sure", "unsure"],
    of: (model, _, node) => (node ? model.data.nodes.entropy[node]! : null), has: always,
  },
  {
    key: "select", name: "selector score", says: "the score when chosen, or now for open nodes", scale: "from low to high", ends: ["low", "high"],
    of: selectorScore, has: (model) => model.data.choices.some((choice) => choice.score !== null),
  },
  {
    key: "score", name: "scorer", says: "what the scorer said of the step", scale: "from low to high", ends: ["low", "high"],
    of: (model, _, node) => model.data.nodes.score[node]!, has: (model) => model.data.nodes.score.some((score) => score !== null),
  },
  {
    key: "advantage", name: "trained advantage", says: "mean advantage of the trained responses through the step", scale: "around zero", ends: ["discouraged", "encouraged"],
    of: (model, _, node) => model.data.trained?.advantage[node] ?? null, has: (model) => model.data.trained !== null,
  },
  {
    key: "order", name: "order", says: "when the step was expanded", scale: "from low to high", ends: ["first", "last"],
    of: (model, _, node) => (model.expandedAt[node]! < Infinity ? model.expandedAt[node]! : null), has: always,
  },
];

function outcome(model: TreeModel, at: number, node: number): number | null {
  const end = model.end[node];
  if (end) return end.correct ? 1 : -1;
  if (at < model.expansions) return null;
  return model.endsBelow[node] ? (2 * model.rightBelow[node]!) / model.endsBelow[node]! - 1 : null;
}

export function selectorScore(model: TreeModel, moment: Moment, node: number): number | null {
  const number = model.expandedAt[node]!;
  if (number < Infinity) return model.data.choices[number]!.score;
  const row = moment.frontier.get(node);
  return row && !model.data.nodes.terminal[node] ? sum(row) : null;
}

export function sum(row: number[]): number {
  let total = 0;
  for (let place = 1; place < row.length; place++) total += row[place]!;
  return total;
}

export const SHADES = 16;

/** The shades of a scale, low to high. */
export function shades(scale: Scale, colours: Palette): string[] {
  return Array.from({ length: SHADES + 1 }, (_, step) => {
    const share = step / SHADES;
    if (scale === "from low to high") return `color-mix(in oklab, ${colours.high} ${share * 100}%, ${colours.low})`;
    const [end, much] = share < 0.5 ? [colours.wrong, 1 - 2 * share] : [colours.right, 2 * share - 1];
    return `color-mix(in oklab, ${end} ${much * 100}%, ${colours.neutral})`;
  });
}

/** What the ends of the scale stand for in this tree: symmetric around zero, or the 2nd and 98th percentile. */
export function span(colouring: Colouring, model: TreeModel): [number, number] {
  if (colouring.key === "value" || colouring.key === "outcome") return [-1, 1];
  const last = model.momentAt(model.expansions);
  const figures: number[] = [];
  for (let node = 0; node < model.size; node++) {
    const figure = colouring.of(model, last, node);
    if (figure !== null && Number.isFinite(figure)) figures.push(figure);
  }
  figures.sort((a, b) => a - b);
  if (!figures.length) return [0, 1];
  const [low, high] = [figures[Math.floor(0.02 * (figures.length - 1))]!, figures[Math.ceil(0.98 * (figures.length - 1))]!];
  if (colouring.scale === "from low to high") return low < high ? [low, high] : [low, low + 1];
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return [-most, most];
}

export function shade(figure: number | null, [low, high]: [number, number]): number {
  if (figure === null || !Number.isFinite(figure)) return -1;
  return Math.round(SHADES * Math.min(1, Math.max(0, (figure - low) / (high - low))));
}
