// The tree itself: a canvas that is dragged, zoomed and clicked.
import { select } from "d3-selection";
import { zoom, type ZoomBehavior } from "d3-zoom";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { palette, shade, shades, span, type Colouring, type Palette } from "./colours";
import { draw } from "./draw";
import type { TreeModel } from "./model";
import { counted, oneLine, signed } from "./text";
import { Camera } from "./view";

export interface CanvasHandle {
  fit(): void;
  closer(factor: number): void;
  show(node: number): void;
}

interface Props {
  model: TreeModel;
  at: number;
  colouring: Colouring;
  selected: number;
  hits: Set<number>;
  rivals: Set<number>;
  label: string;
  wheelAlways: boolean;
  choose: (node: number) => void;
  handle: (handle: CanvasHandle) => void;
}

export function TreeCanvas(props: Props) {
  const { model, at, colouring } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const camera = useMemo(() => new Camera(model), [model]);
  const [hovered, hover] = useState<number | null>(null);
  const dark = useScheme();
  const ends = useMemo(() => span(colouring, model), [colouring, model]);
  const there = (node: number) => model.createdAt[node]! <= at;
  const styles = useRef<{ of: string; colours: Palette; shades: string[] }>(undefined);
  const style = () => {
    const of = `${dark} ${colouring.key}`;
    if (styles.current?.of !== of) {
      const colours = palette(canvas.current!.parentElement!);
      styles.current = { of, colours, shades: shades(colouring.scale, colours) };
    }
    return styles.current;
  };

  const drawn = useRef(false);
  const paint = () => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const now = model.momentAt(at);
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const shadeOf = (node: number) => shade(colouring.of(model, now, node), ends);
    const chosen = at < model.expansions ? model.data.choices[at]!.node : null;
    if (!drawn.current) performance.mark("dsk tree drawn");
    drawn.current = true;
    draw(context, model, camera, now, { ...style(), shadeOf, hovered, chosen, ...props });
  };
  const latestProps = useRef(props);
  latestProps.current = props;
  const latest = useRef(paint);
  latest.current = paint;
  const frame = useRef(0);
  const repaint = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => latest.current());
  };
  useLayoutEffect(repaint);

  const behavior = useRef<ZoomBehavior<HTMLCanvasElement, unknown>>(undefined);
  useEffect(() => {
    const element = canvas.current!;
    const own = zoom<HTMLCanvasElement, unknown>()
      .filter((event: MouseEvent) => !event.button && (event.type !== "wheel" || props.wheelAlways || event.ctrlKey || element === document.activeElement))
      .clickDistance(4)
      .on("zoom", (event) => {
        camera.follow(event.transform);
        repaint();
      });
    behavior.current = own;
    const chosen = select(element);
    chosen.call(own).on("dblclick.zoom", null);
    const fit = () => {
      own.scaleExtent([1, camera.most]);
      chosen.call(own.transform, camera.whole);
      camera.home();
      repaint();
    };
    let whole: boolean = true;
    const size = () => {
      const { width, height } = element.parentElement!.getBoundingClientRect();
      const ratio = devicePixelRatio || 1;
      [element.width, element.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      camera.resize(width, height);
      if (whole) fit();
      repaint();
    };
    const observer = new ResizeObserver(size);
    observer.observe(element.parentElement!);
    own.on("start.whole", (event) => {
      if (event.sourceEvent) whole = false;
    });
    props.handle({
      fit: () => {
        whole = true;
        fit();
      },
      closer: (factor) => {
        whole = false;
        const { selected } = latestProps.current;
        if (!camera.sees(selected)) chosen.call(own.transform, camera.towards(selected));
        chosen.call(own.scaleBy, factor, camera.place(selected));
      },
      show: (node) => {
        if (camera.sees(node)) return repaint();
        chosen.call(own.transform, camera.towards(node));
        repaint();
      },
    });
    return () => {
      observer.disconnect();
      chosen.on(".zoom", null);
    };
  }, [camera]);

  const pickAt = (event: MouseEvent) => camera.pick(event.offsetX, event.offsetY, there);
  const [x, y] = hovered === null ? [0, 0] : camera.place(hovered);
  return (
    <div class="tree-canvas">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-roledescription="search tree"
        aria-label={props.label}
        onMouseMove={(event) => hover(pickAt(event))}
        onMouseLeave={() => hover(null)}
        onClick={(event) => {
          const node = pickAt(event);
          if (node !== null) props.choose(node);
        }}
      />
      {hovered !== null && camera.sees(hovered) && (
        <div class={`tree-tip${x > camera.width * 0.6 ? " left" : ""}${y > camera.height * 0.7 ? " up" : ""}`} style={{ left: `${x}px`, top: `${y}px` }}>
          <Tip model={model} node={hovered} at={at} />
        </div>
      )}
    </div>
  );
}

function Tip({ model, node, at }: { model: TreeModel; node: number; at: number }) {
  const now = model.momentAt(at);
  const end = model.end[node];
  return (
    <>
      <strong>{node ? `step ${node}` : "prompt"}</strong> {end ? (end.correct ? "\u2713 right" : "\u2717 wrong") : ""} Q {signed(model.mean(now, node))},{" "}
      {counted(now.visits[node]!, "visit")}
      <br />
      <span class="mono">{oneLine(node ? model.data.nodes.text[node]! : model.data.problem.prompt, 160)}</span>
    </>
  );
}

function useScheme(): boolean {
  const query = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [dark, set] = useState(query.matches);
  useEffect(() => {
    const changed = () => set(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, [query]);
  return dark;
}
