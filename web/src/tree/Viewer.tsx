// Search trees to look into: one, or several of one problem side by side that are played back together.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { TreeCanvas, type CanvasHandle } from "./Canvas";
import { ChoiceCard } from "./Choice";
import { COLOURINGS } from "./colours";
import type { TreeData } from "./data";
import { Help } from "./Help";
import { keyAction, type Actions } from "./keys";
import { TreeModel } from "./model";
import { playsByItself, usePlayback } from "./playback";
import { Player } from "./Player";
import { StepPanel } from "./Step";
import { Summary } from "./Summary";
import { counted, oneLine, plain, signed } from "./text";
import { Toolbar } from "./Toolbar";
import "./tree.css";

interface Props {
  trees: TreeData[];
  /** Whether the viewer has the page to itself: it takes keys wherever the focus is, and the wheel unless the page is framed in another. */
  standalone?: boolean;
}

export function TreeViewer({ trees, standalone = false }: Props) {
  const models = useMemo(() => trees.map((tree) => new TreeModel(tree)), [trees]);
  const last = Math.max(...models.map((model) => model.expansions));
  const [selected, select] = useState(() => models.map(notable));
  const [active, activate] = useState(0);
  const [colouring, paint] = useState(COLOURINGS[0]!);
  const [query, search] = useState("");
  const [hit, setHit] = useState(0);
  const [helping, help] = useState(false);
  const playback = usePlayback(last, standalone && playsByItself());
  const { at } = playback;
  const handles = useRef<CanvasHandle[]>([]);
  const root = useRef<HTMLDivElement>(null);
  const searchBox = useRef<HTMLInputElement>(null);

  const model = models[active]!;
  const node = selected[active]!;
  const now = Math.min(at, model.expansions);
  const hits = useMemo(() => models.map((each) => each.hits(query)), [models, query]);
  const led = useRef(at);
  const choose = (next: number, of = active) => {
    // what is selected is there: the playback goes on to where it is, and does not lead the selection away
    const from = models[of]!.createdAt[next]!;
    if (from > at) playback.go((led.current = from));
    activate(of);
    select((all) => all.map((each, place) => (place === of ? next : each)));
    handles.current[of]?.show(next);
  };
  useLayoutEffect(() => {
    if (led.current === at) return;
    led.current = at;
    const leading = models.map((each) => each.data.choices[at]?.node ?? notable(each));
    select(leading);
    leading.forEach((each, place) => handles.current[place]?.show(each));
  }, [at]);
  const cycle = (among: number[]) => {
    if (among.length) choose(among[(among.indexOf(node) + 1) % among.length]!);
  };
  const nextHit = (step: number) => {
    const found = hits[active]!;
    if (!found.length) return;
    const next = (found.includes(node) ? hit + step + found.length : hit) % found.length;
    setHit(next);
    choose(found[next]!);
  };
  const actions: Actions = {
    playback, last, cycleColour: (step) => paint(stepped(COLOURINGS.filter((each) => models.some(each.has)), colouring, step)),
    solution: () => cycle(model.solutions), confidentWrong: () => cycle(model.confidentWrong),
    fit: () => handles.current.forEach((handle) => handle.fit()), closer: (factor) => handles.current[active]?.closer(factor),
    nextHit, search: () => searchBox.current?.focus(), help: () => help(!helping), close: () => help(false),
    other: () => activate((active + 1) % models.length), walk: (way) => choose(walked(model, node, way, at)),
  };
  const onKey = useRef((_: KeyboardEvent) => {});
  onKey.current = (event) => {
    const inside = root.current?.contains(document.activeElement) || (standalone && document.activeElement === document.body);
    if (inside) keyAction(event, actions);
  };
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey.current(event);
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);

  return (
    <div class={`tree-viewer${standalone ? " standalone" : ""}`} ref={root}>
      <Toolbar
        {...{ models, active: model, colouring, query, hits: hits[active]!, hit, searchBox, paint, nextHit }}
        search={(text) => {
          search(text);
          setHit(0);
        }}
        {...{ solution: actions.solution, confidentWrong: actions.confidentWrong, fit: actions.fit, help: actions.help }}
      />
      <div class={`tree-panes of-${models.length}`}>
        {models.map((each, place) => (
          <figure key={place} class={models.length > 1 && place === active ? "active" : ""} onPointerDown={() => activate(place)}>
            <Summary model={each} at={Math.min(at, each.expansions)} titled={models.length > 1} />
            <TreeCanvas
              model={each} at={Math.min(at, each.expansions)} colouring={colouring} selected={selected[place]!} hits={setOf(hits[place]!)}
              rivals={rivalsOf(each, Math.min(at, each.expansions))} label={canvasLabel(each)} wheelAlways={standalone && window === window.parent} choose={(next) => choose(next, place)} handle={(handle) => (handles.current[place] = handle)}
            />
          </figure>
        ))}
      </div>
      <Player {...playback} last={last} />
      <p class="tree-status" role="status" aria-live="polite">{statusOf(model, node, now)}</p>
      <aside class="tree-side" aria-label="Details">
        {models.length > 1 && <h2><bdi>{plain(model.data.title)}</bdi></h2>}
        {now < model.expansions && <ChoiceCard model={model} number={now} choose={choose} />}
        <StepPanel model={model} node={node} at={now} query={query} choose={choose} go={playback.go} />
      </aside>
      {helping && <Help close={() => help(false)} several={models.length > 1} />}
    </div>
  );
}

/** What a finished tree is looked at for: its first solution, else its most confident mistake. */
function notable(model: TreeModel): number {
  return model.solutions[0] ?? model.confidentWrong[0] ?? 0;
}

const sets = new WeakMap<number[], Set<number>>();

function setOf(list: number[]): Set<number> {
  const known = sets.get(list) ?? new Set(list);
  sets.set(list, known);
  return known;
}

/** Who the next expansion was chosen from: the candidates where they are known, else all open nodes. */
function rivalsOf(model: TreeModel, at: number): Set<number> {
  const choice = model.data.choices[at];
  if (!choice) return new Set();
  const levels = choice.levels ?? [];
  return new Set(choice.how === "frontier" || !levels.length ? model.open(at) : levels.flatMap((rows) => rows.map(([node]) => node!)));
}

function stepped<T>(list: T[], from: T, step: number): T {
  return list[(list.indexOf(from) + step + list.length) % list.length]!;
}

/** Where an arrow key leads among the nodes that are there. */
function walked(model: TreeModel, node: number, way: "parent" | "child" | "next" | "previous", at: number): number {
  const there = (of: number[]) => of.filter((each) => model.createdAt[each]! <= at);
  const above = model.data.nodes.parent[node]!;
  if (way === "parent") return Math.max(above, 0);
  if (way === "child") {
    const below = there(model.children[node]!);
    return below.find((each) => model.rightBelow[each]) ?? below[0] ?? node;
  }
  const siblings = above < 0 ? [node] : there(model.children[above]!);
  return siblings[siblings.indexOf(node) + (way === "next" ? 1 : -1)] ?? node;
}

function canvasLabel(model: TreeModel): string {
  const { ends } = model;
  const { choices } = model.data;
  const right = model.solutions.length;
  return `Search tree of ${counted(model.size, "step")}, ${counted(choices.length, "expansion")}, ${right} right of ${counted(ends.length, "verified end")}. Arrow keys walk through it; question mark lists the keys.`;
}

function statusOf(model: TreeModel, node: number, at: number): string {
  const end = model.end[node];
  const verdict = end ? (end.correct ? ", right" : ", wrong") : model.isOpen(node, at) ? ", open" : "";
  const moment = model.momentAt(at);
  const text = node ? model.data.nodes.text[node]! : model.data.problem.prompt;
  return `${node ? `Step ${node}` : "Prompt"}, depth ${model.depth[node]}${verdict}, value ${signed(model.mean(moment, node))}, ${counted(moment.visits[node]!, "visit")}: ${oneLine(text, 120)}`;
}
