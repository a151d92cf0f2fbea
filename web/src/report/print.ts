/** What is folded on the screen is open on paper. Returns how to stop. */
export function openForPrint(): () => void {
  const open = () => document.querySelectorAll("details").forEach((details) => (details.open = true));
  addEventListener("beforeprint", open);
  return () => removeEventListener("beforeprint", open);
}
