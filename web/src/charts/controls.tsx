// What the reader sets: smoothing, a choice among a few.

interface SmoothingProps {
  value: number;
  onChange: (weight: number) => void;
}

/** Weight of exponential averaging, 0 (none) to 0.99. */
export function Smoothing({ value, onChange }: SmoothingProps) {
  return (
    <label class="control">
      <span>Smoothing</span>
      <input type="range" aria-label="Smoothing" min="0" max="0.99" step="0.01" value={value}
        onInput={(event) => onChange(Number(event.currentTarget.value))} />
      <output>{value.toFixed(2)}</output>
    </label>
  );
}

interface ChoiceProps<Value extends string> {
  name: string;
  value: Value;
  options: readonly { value: Value; name: string }[];
  onChange: (value: Value) => void;
}

export function Choice<Value extends string>({ name, value, options, onChange }: ChoiceProps<Value>) {
  return (
    <label class="control">
      <span>{name}</span>
      <select aria-label={name} value={value} onChange={(event) => onChange(event.currentTarget.value as Value)}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.name}</option>)}
      </select>
    </label>
  );
}
