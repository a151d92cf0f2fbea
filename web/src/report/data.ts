// What `dsk/report/page.py` puts into a report.

import type { TreeData } from "../tree";

export type Numbers = (number | null)[];
export type AxisName = "model_tokens" | "sampled_tokens" | "seconds" | "updates" | "step";

export interface Evaluated {
  pass_at_1: number;
  low: number;
  high: number;
  problems: number;
  samples: number;
  truncated: number;
  mean_score?: number | null;
}

export interface Advice {
  sentence: string;
  field: string;
  turn: string;
  now: unknown;
}

export interface Steps {
  columns: Record<string, Numbers>;
  /** Steps that make a point. */
  merged: number;
  /** The last step of each bar. */
  bars: number[];
  tokens: Record<string, number[]>;
  seconds: Record<string, number[]>;
}

export type Standing = "forgotten" | "never" | "new" | "known";

export interface Problem {
  id: string;
  rates: Numbers;
  solved_by: Record<string, number>;
  trained: number;
  first_solved: number | null;
  prompt: string;
  standing: Standing;
}

export interface Problems {
  when: string[];
  of: number;
  counts: Record<Standing, number>;
  rows: Problem[];
}

export interface Answer {
  correct: boolean;
  answer: string;
  origin: string;
  steps: { text: string; value: number; mean_reward: number }[];
}

export interface Example {
  problem: string;
  reference: string;
  step: number;
  answers: Answer[];
}

/** A problem's trees, the earlier one first; of each the step, right ends, all verified ends. */
export interface TreesOfProblem {
  problem: string;
  ends: [step: number, right: number, ends: number][];
  trees: TreeData[];
}

export interface KeptTrees {
  /** The newest step that has trees, how many it has, and how many steps have any. */
  step: number;
  of: number;
  steps: number;
  shown: TreesOfProblem[];
  too_large: number;
  /** What lists all of them. */
  command: string;
}

export interface Report {
  name: string;
  folder: string;
  status: string;
  reason: string;
  seed: number;
  model: string;
  first: Evaluated | null;
  last: Evaluated | null;
  hard_only: boolean;
  temperature: number;
  advice: Advice[];
  evaluations: Record<string, Numbers>;
  steps: Steps;
  bounds: { probe_bound: number | null; grad_clip: number | null };
  rounds: Record<string, number>[];
  spent: { totals: Record<string, number>; seconds: Record<string, number> };
  trained_problems: Problems;
  held_out_problems: Problems;
  filtered: { reasons: Record<string, number>; examples: { problem: string; reason: string; text: string }[] };
  examples: Example[];
  /** Null where the run keeps none. */
  trees: KeptTrees | null;
  parts: [path: string, kind: string, fields: string][];
  notices: string[];
  versions: Record<string, string>;
}
