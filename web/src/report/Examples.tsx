// What search found, step by step; and what was filtered out. All of it is text that a model wrote.
import type { Answer, Example, Report } from "./data";

export function Examples({ examples }: { examples: Example[] }) {
  if (!examples.length) return null;
  return (
    <section id="examples">
      <h2>What search found</h2>
      <p class="quiet fine">
        Problems of step {examples[0]!.step}; each line is a step of reasoning. q: the node's backed-up value; mean: the mean reward of the
        verified answers below it.
      </p>
      {examples.map((example, index) => (
        <details class="example" key={index} open={index === 0}>
          <summary><Folded text={example.problem} /> <span class="quiet">answer: <bdi>{example.reference}</bdi></span></summary>
          <div class="answers">{example.answers.map((answer, each) => <Steps key={each} answer={answer} />)}</div>
        </details>
      ))}
    </section>
  );
}

export function Steps({ answer }: { answer: Answer }) {
  return (
    <div class={`answer ${answer.correct ? "right" : "wrong"}`}>
      <p>
        <strong>{answer.correct ? "✓ right" : "✗ wrong"}</strong>: <bdi>{answer.answer}</bdi> <span class="quiet">from {answer.origin}</span>
      </p>
      <table class="steps">
        <thead><tr><th class="number">q</th><th class="number">mean</th><th>text</th></tr></thead>
        <tbody>
          {answer.steps.map((step, index) => (
            <tr key={index}>
              <td class="number">{signed(step.value)}</td>
              <td class="number">{signed(step.mean_reward)}</td>
              <td><Folded text={step.text} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const LONG = 600;

/** A text; of a long one the beginning, the rest at a press. */
export function Folded({ text }: { text: string }) {
  if (text.length <= LONG) return <span class="written">{text}</span>;
  return (
    <details class="fold">
      <summary><span class="written">{text.slice(0, LONG)}…</span></summary>
      <span class="written">{text.slice(LONG)}</span>
    </details>
  );
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

export function Filtered({ filtered }: { filtered: Report["filtered"] }) {
  const reasons = Object.entries(filtered.reasons);
  if (!reasons.length) return null;
  return (
    <section id="filtered">
      <h2>Filtered out</h2>
      <p>{reasons.map(([reason, count]) => `${count} ${reason}`).join(", ")}: wrong responses that nothing was learnt from.</p>
      {filtered.examples.map((one, index) => (
        <details class="example" key={index}>
          <summary>{one.reason} <span class="quiet"><bdi>{one.problem}</bdi></span></summary>
          <pre>{one.text}</pre>
        </details>
      ))}
    </section>
  );
}
