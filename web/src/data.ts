// What Python fills in: one JSON object in a script element of the page.

export interface PageData {
  page: string;
}

export function readData(): PageData {
  return JSON.parse(document.getElementById("data")!.textContent!) as PageData;
}
