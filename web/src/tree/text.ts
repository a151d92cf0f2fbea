// Texts come from models: whatever is in them is shown as text, and what would steer the page is made visible.

const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The text with control and direction marks written as their code points. */
export function plain(text: string): string {
  return text.replace(STEERING, (mark) => `\u27e8U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);
}

/** The beginning of a text in one line. */
export function oneLine(text: string, most: number): string {
  const start = plain(text.slice(0, most + 1)).replace(/\s*\n\s*/g, " \u21b5 ");
  return start.length > most ? `${start.slice(0, most)}\u2026` : start;
}

export interface Piece {
  text: string;
  hit: boolean;
}

/** A text cut at what is searched for; at most `most` hits are marked. */
export function pieces(text: string, query: string, most = 500): Piece[] {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return [{ text, hit: false }];
  const lower = text.toLowerCase();
  const cut: Piece[] = [];
  let from = 0;
  for (let found = lower.indexOf(wanted); found >= 0 && cut.length < 2 * most; found = lower.indexOf(wanted, from)) {
    if (found > from) cut.push({ text: text.slice(from, found), hit: false });
    cut.push({ text: text.slice(found, found + wanted.length), hit: true });
    from = found + wanted.length;
  }
  if (from < text.length) cut.push({ text: text.slice(from), hit: false });
  return cut;
}

/** A number as a reader wants it: a sign where it may be negative, three digits. */
export function signed(number: number | null | undefined): string {
  if (number === null || number === undefined || Number.isNaN(number)) return "\u2013";
  const text = Math.abs(number) >= 100 ? number.toFixed(0) : number.toFixed(Math.abs(number) >= 10 ? 1 : 3);
  return number >= 0 ? `+${text}` : text.replace("-", "\u2212");
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
