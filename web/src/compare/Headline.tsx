// What was asked, the answer in a sentence, and what to beware of.
import type { Comparison } from "./data";

export function Headline({ data }: { data: Comparison }) {
  return (
    <header>
      <h1><bdi>{data.title || "Comparison"}</bdi> {data.tuned !== null && <span class="status">{data.tuned ? "tuned" : "untuned"}</span>}</h1>
      <p class="answer-line"><bdi>{data.answer}</bdi></p>
      {data.reading.map((line) => <p key={line} class="quiet fine"><bdi>{line}</bdi></p>)}
      <Warnings data={data} />
    </header>
  );
}

function Warnings({ data }: { data: Comparison }) {
  const lines = [...data.arms.flatMap((arm) => arm.trouble.map((line) => `${arm.name}: ${line}`)), ...data.warnings];
  if (!lines.length) return null;
  return (
    <section id="warnings" aria-label="Warnings">
      <h2>Beware</h2>
      <ul class="warnings">{lines.map((line) => <li key={line}><p><bdi>{line}</bdi></p></li>)}</ul>
    </section>
  );
}
