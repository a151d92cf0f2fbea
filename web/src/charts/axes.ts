// What all drawings with axes have in common.
import type { EChartsOption } from "./echarts";
import { formatter, type Format } from "./format";
import type { Theme } from "./theme";

export interface Axis {
  name: string;
  format?: Format;
  min?: number;
  max?: number;
  /** Between ticks; chosen where left out. */
  interval?: number;
  /** Steps of the axis are factors; for what is positive. */
  log?: boolean;
}

const FONT = 12;

export function valueAxis(axis: Axis, theme: Theme, orientation: "x" | "y") {
  const label = formatter(axis.format);
  const x = orientation === "x";
  return {
    type: axis.log ? ("log" as const) : ("value" as const),
    name: x ? axis.name : "",
    nameLocation: "middle" as const,
    nameGap: 30,
    nameTextStyle: { color: theme.quiet, fontSize: FONT },
    scale: true,
    min: axis.min,
    max: axis.max,
    interval: axis.interval,
    splitNumber: x ? 5 : 4,
    axisLine: { show: x, onZero: false, lineStyle: { color: theme.line } },
    axisTick: { show: false },
    splitLine: { show: !x, lineStyle: { color: theme.line, width: 1, opacity: 0.7 } },
    axisLabel: { color: theme.quiet, fontSize: FONT, formatter: label, hideOverlap: true, margin: x ? 10 : 8 },
  };
}

export function frame(theme: Theme): EChartsOption {
  return {
    textStyle: { fontFamily: "system-ui, sans-serif", color: theme.text },
    grid: { left: 4, right: 14, top: 12, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "all" },
  };
}

/** Tooltips of a drawing; they stay inside it, and inside the page. */
export function tooltip(theme: Theme, formatter: (hit: any) => HTMLElement | "", trigger: "axis" | "item" = "axis") {
  return {
    trigger,
    confine: true,
    transitionDuration: 0,
    backgroundColor: theme.raised,
    borderColor: theme.line,
    textStyle: { color: theme.text, fontSize: 13 },
    axisPointer: { type: "line" as const, lineStyle: { color: theme.quiet, type: "dashed" as const } },
    formatter,
  };
}

/** Zoom on the x axis: a box drawn with the mouse, Ctrl and the wheel, two fingers. */
export function zoomable(): EChartsOption {
  return {
    dataZoom: [{
      type: "inside", xAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseMove: false,
      moveOnMouseWheel: false, preventDefaultMouseMove: false,
    }],
    toolbox: {
      top: -100, // only its box is wanted, which it can draw without its buttons being seen
      feature: { dataZoom: { xAxisIndex: 0, yAxisIndex: false, filterMode: "none" } },
    },
  };
}
