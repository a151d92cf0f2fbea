// A line that says what a search came to.
import type { TreeModel } from "./model";
import { counted, plain } from "./text";

export function Summary({ model, at, titled }: { model: TreeModel; at: number; titled: boolean }) {
  const { rules } = model.data;
  const seen = model.ends.filter((end) => model.createdAt[end.node]! <= at);
  const right = seen.filter((end) => end.correct).length;
  const first = model.firstSolution;
  return (
    <figcaption>
      {titled && <strong><bdi>{plain(model.data.title)}</bdi></strong>}
      {rules && <span>selector <b>{rules.selector}</b></span>}
      <span>{counted(at, "expansion")}</span>
      <span class={right ? "right" : ""}>{"\u2713"} {right.toLocaleString("en")} right</span>
      <span class={seen.length - right ? "wrong" : ""}>{"\u2717"} {(seen.length - right).toLocaleString("en")} wrong</span>
      <span>{first === null ? "never solved" : `solved after ${counted(first, "expansion")}`}</span>
    </figcaption>
  );
}
