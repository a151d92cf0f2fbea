// What `dsk/watch` answers with.
import type { KeptTrees, Example, Numbers, Report, Steps } from "../report/data";

export interface Fault {
  fault: string;
}

/** A run in the list; one that cannot be read has a fault in place of figures. */
export interface Row {
  run: string;
  name: string;
  fault?: string;
  status?: string;
  reason?: string;
  task?: string;
  seed?: number;
  round?: number;
  rounds?: number;
  step?: number | null;
  /** The most steps there can be; 0 where only the problems bound them. */
  steps?: number;
  updates?: number | null;
  model_tokens?: number | null;
  seconds?: number | null;
  group_reward?: number | null;
  trajectory_entropy?: number | null;
  pass_at_1?: number | null;
  low?: number | null;
  high?: number | null;
  when?: string | null;
  /** Seconds since 1970 of the last record that is shown. */
  written?: number;
}

export interface List {
  folder: string;
  runs: Row[];
  /** Whether there are folders that were not looked into. */
  more: boolean;
}

export type LiveReport = Report;

export interface Texts {
  examples: Example[];
  trees: KeptTrees | null;
}

export interface CurvesOf {
  run: string;
  name: string;
  fault?: string;
  evaluations?: Record<string, Numbers>;
  steps?: Steps;
}
