// What a practitioner would say: the sentence, the field of the spec, what to do with it.
import type { Advice } from "./data";

export function Warnings({ advice }: { advice: Advice[] }) {
  return (
    <section id="warnings">
      <h2>Warnings</h2>
      {advice.length ? <ul class="warnings">{advice.map((one) => <Warning key={one.sentence} one={one} />)}</ul>
        : <p class="quiet">None of the rules that look for trouble found any.</p>}
    </section>
  );
}

function Warning({ one }: { one: Advice }) {
  return (
    <li>
      <p>{one.sentence}</p>
      <p class="turn">
        <code>{one.field}</code>
        {one.now !== null && typeof one.now !== "object" && <span class="quiet"> is <code>{JSON.stringify(one.now)}</code></span>}
        : {one.turn}
      </p>
    </li>
  );
}
