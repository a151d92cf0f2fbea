// What each arm chose in tuning, among what, and what it cost.
import type { Comparison, Trial, Tuning } from "./data";
import { writer } from "./figures";
import { inFull } from "../charts";

export function Tuned({ data }: { data: Comparison }) {
  if (data.tuned === null) return null;
  return (
    <section id="tuning">
      <h2>Tuning</h2>
      {data.tuning ? <Arms data={data} tuning={data.tuning} /> : <p>Untuned: every arm runs at the settings that the study gives it.</p>}
    </section>
  );
}

function Arms({ data, tuning }: { data: Comparison; tuning: Tuning }) {
  const known = data.metrics.find((metric) => metric.name === tuning.metric);
  const write = known ? writer(known) : inFull();
  return (
    <>
      <p class="quiet fine"><bdi>{tuning.how}</bdi></p>
      <div class="charts">
        {Object.entries(tuning.arms).map(([arm, { trials, runs, model_tokens: tokens }]) => (
          <div key={arm}>
            <h3 class="plain"><bdi>{arm}</bdi> <span class="quiet">{runs} runs, {Math.round(tokens).toLocaleString("en")} model tokens</span></h3>
            <table class="figures trials"><tbody>{trials.map((trial) => <Row key={trial.setting} trial={trial} write={write} />)}</tbody></table>
          </div>
        ))}
      </div>
    </>
  );
}

function Row({ trial, write }: { trial: Trial; write: (value: number) => string }) {
  return (
    <tr class={trial.chosen ? "chosen" : ""}>
      <td><bdi>{trial.setting}</bdi>{trial.chosen && <span class="status finished">chosen</span>}</td>
      <td class="number">{trial.mean === null ? <bdi class="quiet">{trial.trouble}</bdi> : write(trial.mean)}</td>
    </tr>
  );
}
