// How to make the comparison again.
import type { Comparison } from "./data";

export function Again({ data }: { data: Comparison }) {
  const { command, study } = data.again;
  return (
    <section id="again">
      <h2>Again</h2>
      <p><code><bdi>{command}</bdi></code></p>
      {study && (
        <details class="example">
          <summary>The study as a file: arms, seeds, budget and the whole base spec</summary>
          <pre>{JSON.stringify(study, null, 2)}</pre>
        </details>
      )}
      <p class="quiet fine">{Object.entries(data.versions).map(([name, version]) => `${name} ${version}`).join(" · ")}</p>
    </section>
  );
}
