// What the specs of the arms differ in.
import { Swatch } from "../charts";
import type { Arm, Comparison } from "./data";

export function Differs({ data }: { data: Comparison }) {
  const others = data.arms.map((arm, look) => ({ arm, look })).filter(({ arm }) => arm.name !== data.baseline);
  if (!others.length) return null;
  return (
    <section id="differs">
      <h2>What differs from <bdi>{data.baseline}</bdi></h2>
      <dl class="differs">{others.map(({ arm, look }) => <Lines key={arm.name} arm={arm} look={look} />)}</dl>
    </section>
  );
}

function Lines({ arm, look }: { arm: Arm; look: number }) {
  return (
    <div>
      <dt><Swatch index={look} /> <bdi>{arm.name}</bdi></dt>
      <dd>{arm.differs.length ? <ul>{arm.differs.map((line) => <Line key={line} line={line} />)}</ul> : <span class="quiet">nothing that the specs say</span>}</dd>
    </div>
  );
}

/** `path: old -> new` */
function Line({ line }: { line: string }) {
  const cut = line.indexOf(": ");
  const [path, change] = cut < 0 ? ["", line] : [line.slice(0, cut), line.slice(cut + 2)];
  return <li>{path && <code>{path}</code>} <bdi class="written">{change.replace(" -> ", " → ")}</bdi></li>;
}
