// One drawing: keeps an ECharts instance in step with its option, its room, the page's colours and the printer.
import { useEffect, useRef } from "preact/hooks";

import { init, type EChartsOption, type EChartsType } from "./echarts";
import { readTheme, watchTheme, type Theme } from "./theme";

/** Values of the x axis; null is all of it. */
export type Range = [number, number] | null;

export interface ChartProps {
  /** The option under these colours. Give it a stable identity (`useCallback`): another function draws again. */
  draw: (theme: Theme) => EChartsOption;
  /** What a screen reader says in place of the drawing. */
  label: string;
  height?: number;
  /** The part of the x axis that is shown, where the chart can be zoomed (`zoomable` in its option). */
  range?: Range;
  onRange?: (range: Range) => void;
  onClick?: (event: { seriesName?: string; dataIndex: number; name: string }) => void;
}

export function Chart({ draw, label, height = 240, range = null, onRange, onClick }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const latest = useRef({ draw, range, onRange, onClick });
  latest.current = { draw, range, onRange, onClick };

  useEffect(() => {
    const made = (chart.current = init(box.current!, null, { renderer: "svg" }));
    const redraw = () => paint(made, latest.current.draw, latest.current.range);
    leaveWheel(box.current!);
    const stops = [watchTheme(() => printable(made, redraw)), watchRoom(made, box.current!), watchPrinter(made, redraw)];
    made.on("datazoom", () => latest.current.onRange?.(shownRange(made)));
    made.getZr().on("dblclick", () => latest.current.onRange?.(null));
    made.on("click", (event) => latest.current.onClick?.(event as never));
    return () => {
      stops.forEach((stop) => stop());
      made.dispose();
    };
  }, []);
  useEffect(() => paint(chart.current!, draw, latest.current.range), [draw]);
  useEffect(() => show(chart.current!, range), [range?.[0], range?.[1]]);

  const keys = onRange && ((event: KeyboardEvent) => zoomByKey(event, chart.current!, onRange));
  return (
    <div ref={box} class="chart-canvas" style={{ height: `${height}px` }} role="img" aria-label={label}
      tabIndex={onRange ? 0 : undefined} onKeyDown={keys} />
  );
}

function paint(chart: EChartsType, draw: ChartProps["draw"], range: Range): void {
  chart.setOption({ animation: false, ...draw(readTheme()) }, { notMerge: true });
  show(chart, range);
  if (matchMedia("(pointer: fine)").matches)
    chart.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
}

function zoomOf(chart: EChartsType): { start: number; end: number; startValue: number; endValue: number } | undefined {
  return (chart.getOption() as { dataZoom?: any[] }).dataZoom?.[0];
}

function shownRange(chart: EChartsType): Range {
  const zoom = zoomOf(chart);
  return !zoom || (zoom.start <= 0 && zoom.end >= 100) ? null : [zoom.startValue, zoom.endValue];
}

function show(chart: EChartsType, range: Range): void {
  const shown = shownRange(chart);
  if (!zoomOf(chart) || (shown?.[0] === range?.[0] && shown?.[1] === range?.[1])) return;
  const part = range ? { startValue: range[0], endValue: range[1] } : { start: 0, end: 100 };
  chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, ...part });
}

/** `+` and `-` zoom about the middle, the arrows move, `0` shows all. */
function zoomByKey(event: KeyboardEvent, chart: EChartsType, onRange: (range: Range) => void): void {
  const zoom = zoomOf(chart);
  if (!zoom) return;
  const width = zoom.endValue - zoom.startValue;
  const moves: Record<string, [number, number] | null> = {
    "+": [width / 4, -width / 4], "=": [width / 4, -width / 4], "-": [-width / 2, width / 2],
    ArrowLeft: [-width / 4, -width / 4], ArrowRight: [width / 4, width / 4], "0": null,
  };
  if (!(event.key in moves) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const move = moves[event.key];
  onRange(move ? [zoom.startValue + move[0], zoom.endValue + move[1]] : null);
}

function watchRoom(chart: EChartsType, box: HTMLElement): () => void {
  const observer = new ResizeObserver(() => {
    if (!matchMedia("print").matches && box.clientWidth && box.clientWidth !== chart.getWidth()) chart.resize();
  });
  observer.observe(box);
  return () => observer.disconnect();
}

/** ECharts swallows every turn of the wheel; without Ctrl it is the page's. */
function leaveWheel(box: HTMLElement): void {
  const pass = (event: Event) => (event as WheelEvent).ctrlKey || event.stopPropagation();
  for (const name of ["wheel", "mousewheel"]) box.addEventListener(name, pass, { capture: true, passive: true });
}

/** On paper a drawing scales with its column, in the colours of paper. */
function watchPrinter(chart: EChartsType, redraw: () => void): () => void {
  const prepare = () => printable(chart, redraw);
  addEventListener("beforeprint", prepare);
  addEventListener("afterprint", redraw);
  return () => {
    removeEventListener("beforeprint", prepare);
    removeEventListener("afterprint", redraw);
  };
}

function printable(chart: EChartsType, redraw: () => void): void {
  redraw();
  chart.getZr().flush();
  chart.getDom().querySelector("svg")?.setAttribute("viewBox", `0 0 ${chart.getWidth()} ${chart.getHeight()}`);
}
