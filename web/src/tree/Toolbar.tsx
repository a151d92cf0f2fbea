// What is drawn and where to jump.
import type { RefObject } from "preact";

import { COLOURINGS, shades, STYLE, span, type Colouring } from "./colours";
import type { TreeModel } from "./model";
import { signed } from "./text";

interface Props {
  models: TreeModel[];
  active: TreeModel;
  colouring: Colouring;
  query: string;
  hits: number[];
  hit: number;
  searchBox: RefObject<HTMLInputElement | null>;
  paint: (colouring: Colouring) => void;
  search: (query: string) => void;
  nextHit: (step: number) => void;
  solution: () => void;
  confidentWrong: () => void;
  fit: () => void;
  help: () => void;
}

export function Toolbar(props: Props) {
  const { models, active, colouring, query, hits, hit } = props;
  const has = COLOURINGS.filter((each) => models.some(each.has));
  return (
    <div class="tree-toolbar" role="toolbar" aria-label="View">
      <label>
        Colour
        <select value={colouring.key} title={colouring.says} onChange={(event) => props.paint(has.find((each) => each.key === event.currentTarget.value)!)}>
          {has.map((each) => <option key={each.key} value={each.key}>{each.name}</option>)}
        </select>
      </label>
      <Legend colouring={colouring} model={active} />
      <span class="tree-search">
        <input
          ref={props.searchBox} type="search" placeholder="Search the steps" aria-label="Search the steps" value={query}
          onInput={(event) => props.search(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") props.nextHit(event.shiftKey ? -1 : 1);
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
        {query.trim() && (
          <>
            <output>{hits.length ? `${hit + 1} of ${hits.length}` : "none"}</output>
            <button type="button" onClick={() => props.nextHit(-1)} disabled={!hits.length} aria-label="Previous hit">{"\u2039"}</button>
            <button type="button" onClick={() => props.nextHit(1)} disabled={!hits.length} aria-label="Next hit">{"\u203a"}</button>
          </>
        )}
      </span>
      <span class="tree-jumps">
        <button type="button" onClick={props.solution} disabled={!active.solutions.length} title="The right ends, the first found first (s)">{"\u2713"} Solution{active.solutions.length > 1 ? `s (${active.solutions.length})` : ""}</button>
        <button type="button" onClick={props.confidentWrong} disabled={!active.confidentWrong.length} title="The wrong ends, the least entropy first (w)">{"\u2717"} Confident wrong</button>
        <button type="button" onClick={props.fit} title="Show the whole tree (f)">Fit</button>
        <button type="button" onClick={props.help} aria-label="Keys" title="Keys (?)">?</button>
      </span>
    </div>
  );
}

function Legend({ colouring, model }: { colouring: Colouring; model: TreeModel }) {
  const [low, high] = span(colouring, model);
  return (
    <span class="tree-legend" title={colouring.says}>
      <span>{colouring.ends[0]} <small>{figure(colouring, low)}</small></span>
      <span class="ramp" style={{ background: `linear-gradient(to right, ${shades(colouring.scale, STYLE).join(", ")})` }} />
      <span>{colouring.ends[1]} <small>{figure(colouring, high)}</small></span>
    </span>
  );
}

function figure(colouring: Colouring, number: number): string {
  if (colouring.key === "outcome") return "";
  if (colouring.key === "order") return String(number + 1);
  if (colouring.key === "value") return number < 0 ? "\u22121" : "+1";
  return signed(Number(number.toPrecision(2))).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}
