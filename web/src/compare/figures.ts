// Values as the table writes them: shares in percent, differences of shares in points.
import { inFull, type Axis } from "../charts";
import type { Metric } from "./data";

const points = (value: number) => `${(100 * value).toFixed(1)}`;

export function writer(metric: Metric): (value: number) => string {
  return metric.share ? (value) => `${points(value)}%` : inFull();
}

export function differenceWriter(metric: Metric): (value: number) => string {
  const plain = inFull();
  return (value) => {
    const size = metric.share ? points(Math.abs(value)) : plain(Math.abs(value));
    return `${value < 0 ? "−" : "+"}${size}`;
  };
}

const STEPS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]; // each divides 1, so that whole steps stay within 0 and 1
const TICKS = 6;

/** The axis of a metric's values; shares stay within 0 and 1. */
export function valuesAxis(metric: Metric, values: readonly number[]): Axis {
  const axis: Axis = { name: metric.label, format: metric.share ? "percent" : "number" };
  if (!metric.share || !values.length) return axis;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = STEPS.find((each) => (high - low) / each <= TICKS) ?? STEPS.at(-1)!;
  return { ...axis, min: Math.floor(low / step) * step, max: Math.max(Math.ceil(high / step), Math.floor(low / step) + 1) * step, interval: step };
}

/** Which side of zero is better, in words. */
export function better(metric: Metric): string {
  return metric.direction > 0 ? "better →" : metric.direction < 0 ? "← better" : "";
}
