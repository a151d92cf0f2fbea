// One problem in full: the question, every seed's rate, and what runs kept of it, arm beside arm.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { Swatch } from "../charts";
import { Folded, Steps } from "../report/Examples";
import { TreeViewer, type TreeData } from "../tree";
import type { Comparison, Problem, Split } from "./data";
import { percent } from "./Readout";

interface Props {
  data: Comparison;
  split: Split;
  problem: Problem;
  close: () => void;
}

export function Opened({ data, split, problem, close }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <div class="opened" ref={box} role="region" aria-label={`Problem ${problem.id}`}>
      <p class="opened-head"><strong><bdi>{problem.id}</bdi></strong> <button type="button" class="reset" onClick={close}>Close</button></p>
      {problem.prompt ? <p><Folded text={problem.prompt} /></p> : <p class="quiet">Its text is not on this page.</p>}
      {problem.answer && <p><span class="quiet">reference:</span> <Folded text={problem.answer} /></p>}
      <Rates data={data} split={split} problem={problem} />
      <Answers data={data} split={split} problem={problem} />
    </div>
  );
}

function Rates({ data, split, problem }: Omit<Props, "close">) {
  return (
    <div class="scroll">
      <table class="figures">
        <thead><tr><th>arm</th><th class="number">mean</th><th>seeds</th></tr></thead>
        <tbody>
          {data.arms.map((arm, index) => (
            <tr key={arm.name}>
              <td><Swatch index={index} filled /> <bdi>{arm.name}</bdi></td>
              <td class="number">{percent(problem.rates[index] ?? null)}</td>
              <td>{problem.values[index]?.map((value, seed) => <span key={seed} class="seed"><span class="quiet">{split.seeds[index]?.[seed]}:</span> {percent(value)}</span>)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Answers({ data, split, problem }: Omit<Props, "close">) {
  const { kept, kept_split: from } = data.problems;
  if (split.name !== from) return <p class="quiet fine">Runs keep rates of held-out problems, and no answers to them; those of problems that they trained on are under “trained on”.</p>;
  const trees = kept.trees[problem.id];
  const examples = kept.examples[problem.id];
  if (!trees && !examples) return <p class="quiet fine">{kept.untold ? <bdi>{kept.untold}</bdi> : "No answers to this problem are on this page: it holds those of the problems that most arms kept."}</p>;
  return (
    <>
      {trees && <Trees trees={trees} />}
      {!trees && <p class="quiet fine">Whole trees are kept, and shown here, where the spec says <code>"keep": "trees"</code>.</p>}
      {examples && (
        <div class="answers">
          {data.arms.map((arm, index) => examples[arm.name] && (
            <div key={arm.name}>
              <p><Swatch index={index} filled /> <strong><bdi>{arm.name}</bdi></strong> <span class="quiet">seed {kept.seeds[arm.name]}{data.mode === "train" && `, step ${examples[arm.name]!.step}`}</span></p>
              {examples[arm.name]!.answers.map((answer, each) => <Steps key={each} answer={answer} />)}
            </div>
          ))}
        </div>
      )}
    </>
  );
}

const BESIDE = 2;

/** Two trees beside each other; of more the reader picks. */
function Trees({ trees }: { trees: TreeData[] }) {
  const [chosen, choose] = useState<readonly number[]>(() => trees.slice(0, BESIDE).map((_, index) => index));
  const shown = useMemo(() => trees.filter((_, index) => chosen.includes(index)), [trees, chosen]);
  const toggle = (index: number) => choose(chosen.includes(index) ? chosen.filter((other) => other !== index) : [...chosen, index]);
  return (
    <div class="opened-trees">
      {trees.length > BESIDE && (
        <div class="tabs small" role="group" aria-label="Trees to show">
          {trees.map((tree, index) => <button type="button" key={index} aria-pressed={chosen.includes(index)} disabled={chosen.length === 1 && chosen[0] === index} onClick={() => toggle(index)}><bdi>{tree.title}</bdi></button>)}
        </div>
      )}
      <TreeViewer key={chosen.join()} trees={shown} />
    </div>
  );
}
