// What curves are drawn against.
import type { Axis } from "../charts";
import type { AxisName, Numbers } from "./data";

export const AXES: Record<AxisName, Axis> = {
  model_tokens: { name: "model tokens" },
  sampled_tokens: { name: "sampled tokens" },
  seconds: { name: "seconds", format: "seconds" },
  updates: { name: "updates" },
  step: { name: "step" },
};
export const AXIS_CHOICES = (Object.keys(AXES) as AxisName[]).map((value) => ({ value, name: AXES[value].name }));
export const SHARE: Axis = { name: "share", format: "percent" };

/** Places on an axis; where a record has none, its beginning. */
export function plain(values: Numbers | undefined): number[] {
  return (values ?? []).map((value) => value ?? 0);
}
