// A tree as dsk/treeview/data.py writes it. Arrays over nodes are in order of creation, the prompt first.

export interface End {
  node: number;
  reward: number;
  correct: boolean;
  answer: string | null;
  recorded: boolean;
  /** Sampled and verified only to learn the value of `node`. */
  probe: boolean;
  entropy: number;
}

export type How = "root" | "siblings" | "frontier" | "descent";

/** A candidate's row: the node, then its terms. */
export type Row = number[];

export interface Choice {
  node: number;
  /** The selector's score when it was chosen; null where there was none. */
  score: number | null;
  among: number;
  how?: How;
  /** Of a frontier: the rows that changed since the choice before. */
  scored?: Row[];
  /** The candidates, or of a descent those of each level. */
  levels?: Row[][];
}

export interface Formula {
  name: string;
  formula: string;
  terms: string[];
}

export interface TreeData {
  title: string;
  problem: { id: string; prompt: string; answer: string };
  nodes: {
    parent: number[];
    text: string[];
    tokens: number[];
    /** After how many expansions it was there. */
    created: number[];
    visits: number[];
    value: number[];
    entropy: number[];
    score: (number | null)[];
    terminal: number[];
    stop: string[];
  };
  ends: End[];
  rules: { selector: string; backup: string; how: Partial<Record<How, Formula>> } | null;
  choices: Choice[];
  /** Before each choice, and at the end: nodes whose numbers changed, their visits, their values. */
  numbers: [number[], number[], number[]][];
  trained: { advantage: (number | null)[]; trajectories: number[]; note: string } | null;
  note: string;
}
