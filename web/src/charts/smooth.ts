// Exponential averaging, as the field's dashboards do it.

/**
 * `m_t = (1 - w) sum_s w^(t-s) y_s / (1 - w^n)` over the n figures up to t: the mean of what has been seen, recent
 * figures counting more; unbiased from the first on. Where a figure is missing, so is its mean. `w` in [0, 1).
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  let sum = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    seen += 1;
    return sum / (1 - weight ** seen);
  });
}
