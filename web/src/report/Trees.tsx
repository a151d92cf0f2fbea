// Kept trees of a few problems: what the newest step grew, beside the first tree of the same problem.
import { useState } from "preact/hooks";

import { Text, TreeViewer } from "../tree";
import type { KeptTrees, TreesOfProblem } from "./data";

const whole = new Intl.NumberFormat("en");

export function Trees({ kept }: { kept: KeptTrees | null }) {
  const [chosen, choose] = useState("");
  if (!kept) return null;
  const shown = kept.shown.find((each) => each.problem === chosen) ?? kept.shown[0];
  return (
    <section id="trees">
      <h2>Trees</h2>
      {shown && (
        <>
          <div class="tabs" role="group" aria-label="Problem">
            {kept.shown.map((each) => (
              <button type="button" key={each.problem} aria-pressed={each === shown} onClick={() => choose(each.problem)}>
                <bdi>{each.problem}</bdi> <span class="quiet">{each.ends.map(rightOf).join(" → ")}</span>
              </button>
            ))}
          </div>
          <Problem key={identity(shown)} of={shown} />
        </>
      )}
      <p class="quiet fine left-out">{leftOut(kept)} <code>{kept.command}</code> lists them, and <code>dsk tree</code> draws each.</p>
    </section>
  );
}

function Problem({ of }: { of: TreesOfProblem }) {
  const { problem } = of.trees[0]!;
  return (
    <>
      <div class="tree-problem"><Text text={problem.prompt} query="" folded={280} /></div>
      <p class="quiet fine">
        {of.ends.map(([step, right, ends]) => `step ${step}: ${right} right of ${ends} verified ends`).join("; ")}
        {of.ends.length > 1 && ". Both are played back together"}.
      </p>
      <TreeViewer trees={of.trees} />
    </>
  );
}

function rightOf([, right, ends]: [step: number, right: number, ends: number]): string {
  return `${right}/${ends}`;
}

/** Another problem, or other trees of it, are another viewer. */
function identity({ problem, ends }: TreesOfProblem): string {
  return JSON.stringify([problem, ends]);
}

function leftOut({ shown, step, of, steps, too_large: large }: KeptTrees): string {
  const trees = `${whole.format(shown.length)} of the ${whole.format(of)} trees of step ${whole.format(step)}`;
  const paired = shown.some((each) => each.trees.length > 1);
  const beside = paired ? "; beside a tree is the problem's first one, and what has changed most comes first" : ", the most telling first";
  const gone = large ? ` ${whole.format(large)} more would have made this page too large.` : "";
  return `Here are ${trees}${beside}.${gone} The run keeps the trees of ${whole.format(steps)} ${steps === 1 ? "step" : "steps"}:`;
}
