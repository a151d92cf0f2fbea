// What `dsk/compare/page` puts into a comparison's page.
import type { Answer } from "../report/data";
import type { TreeData } from "../tree";

export interface Metric {
  name: string;
  label: string;
  /** 1: more is better, -1: less is, 0: neither. */
  direction: number;
  share: boolean;
  /** The arm that leads beyond doubt. */
  best: string | null;
}

export interface Estimate {
  mean: number;
  low: number | null;
  high: number | null;
  seeds: number;
  problems: number;
}

export interface Difference extends Estimate {
  p_value: number | null;
  adjusted_p: number | null;
  improvement: number | null;
  judged: boolean;
  distinguishable: boolean;
}

type SeedValue = [seed: number, value: number];

export interface Arm {
  name: string;
  seeds: number[];
  estimates: Record<string, Estimate>;
  differences: Record<string, Difference>;
  verdicts: Record<string, string>;
  values: Record<string, SeedValue[]>;
  pairs: Record<string, SeedValue[]>;
  differs: string[];
  trouble: string[];
  spent: Record<string, number>;
}

export interface Curve {
  x: number[];
  mean: number[];
  low?: number[];
  high?: number[];
  /** Evaluations of runs that nobody saw the middle of. */
  points: boolean;
  seeds: number;
}

export interface Cell {
  text: string;
  bold: boolean;
  /** What its column is sorted by. */
  key: number | string | null;
}

export interface Table {
  heads: { text: string; words: boolean }[];
  rows: Cell[][];
}

export interface Trial {
  setting: string;
  mean: number | null;
  trouble: string;
  chosen: boolean;
}

export interface Tuning {
  how: string;
  metric: string;
  arms: Record<string, { trials: Trial[]; runs: number; model_tokens: number }>;
}

export interface Problem {
  id: string;
  /** By arm, means over seeds. */
  rates: (number | null)[];
  /** By arm, then by seed. */
  values: (number | null)[][];
  prompt: string;
  answer: string;
}

export type SplitName = "held out" | "trained on" | "searched";

export interface Split {
  name: SplitName;
  of: number;
  seeds: number[][];
  problems: Problem[];
  /** Why the problems' texts are not here. */
  untold: string;
}

export interface Example {
  step: number;
  answers: Answer[];
}

export interface Kept {
  examples: Record<string, Record<string, Example>>;
  trees: Record<string, TreeData[]>;
  seeds: Record<string, number>;
  untold: string;
}

export interface Comparison {
  title: string;
  mode: "train" | "search";
  tuned: boolean | null;
  judged: boolean;
  baseline: string;
  axis: string | null;
  amount: number;
  budgets: Record<string, string>;
  level: number | null;
  answer: string;
  reading: string[];
  warnings: string[];
  metrics: Metric[];
  arms: Arm[];
  curves: Record<string, Record<string, Record<string, Curve>>>;
  table: Table;
  tuning: Tuning | null;
  problems: { splits: Split[]; kept: Kept; kept_split: SplitName };
  again: { command: string; study: object | null };
  versions: Record<string, string>;
}
