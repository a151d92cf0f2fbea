// Which figures make which chart. A chart whose figures a run has not recorded is left out.
import type { Format } from "../charts";

export interface Curve {
  title: string;
  note: string;
  format?: Format;
  log?: boolean;
  /** Name in the legend, and column. */
  series: [name: string, column: string][];
  /** A bound to draw, by its name in the data. */
  bound?: "probe_bound" | "grad_clip";
}

export const CURVES: { title: string; charts: Curve[] }[] = [
  {
    title: "Learning",
    charts: [
      { title: "Mean reward", note: "of a step's responses", series: [["reward", "group_reward"]] },
      { title: "Problems solved", note: "share of a step's problems with a correct response", format: "percent", series: [["solved", "solved_share"]] },
      { title: "Entropy", note: "nats a token", series: [["all sampled", "trajectory_entropy"], ["trained", "update_entropy"]] },
      { title: "Silent groups", note: "share of groups with equal rewards: they teach nothing", format: "percent", series: [["silent", "silent_share"]] },
    ],
  },
  {
    title: "Health of the updates",
    charts: [
      { title: "Clipped tokens", note: "share of trained tokens", format: "percent", series: [["below", "update_clip_low"], ["above", "update_clip_high"], ["dual clip", "update_clip_dual"]] },
      { title: "Extreme ratios", note: "probability in training over probability when sampled", log: true, series: [["largest", "update_ratio_max"], ["smallest", "update_ratio_min"]] },
      { title: "Gradient norm", note: "before clipping, mean of a step's updates", series: [["norm", "update_grad_norm"]], bound: "grad_clip" },
      { title: "Loss", note: "mean of a step's updates", series: [["loss", "update_loss"]] },
      { title: "KL to the sampling policy", note: "nats a token", series: [["KL", "update_kl"]] },
      { title: "Probe gap", note: "largest difference of log-probabilities, engine and trainer, after new weights", series: [["gap", "probe_error"]] },
    ],
  },
  {
    title: "Samples and search",
    charts: [
      { title: "Stale and filtered", note: "responses of a step", series: [["stale", "stale_samples"], ["filtered", "filtered"]] },
      { title: "Cut responses", note: "share of direct responses that reached the length limit", format: "percent", series: [["cut", "tree_truncated"]] },
      { title: "Tree size", note: "a problem's mean", series: [["nodes", "tree_nodes"], ["expansions", "tree_expansions"]] },
      { title: "Tokens", note: "a problem's mean", series: [["in all", "tree_tokens"], ["to the first solution", "tree_tokens_to_first_solution"]] },
      { title: "Depth", note: "steps to the deepest node, a problem's mean", series: [["depth", "tree_depth"]] },
    ],
  },
];
