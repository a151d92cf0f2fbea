// Bundles the pages into the Python package: one script, one style sheet, and the licences of all that is in them.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { build } from "esbuild";

const out = new URL("../dsk/web/static/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const built = await build({
  entryPoints: { dsk: "src/main.tsx" },
  outdir: out,
  bundle: true,
  minify: true,
  charset: "ascii",
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  metafile: true,
});

/** Beside package.json, or in a folder of licences there. */
function isLicence(folder, file) {
  const legal = /^(licen[cs]es?|notice)/i;
  return file.parentPath === folder ? legal.test(file.name) : dirname(file.parentPath) === folder && legal.test(basename(file.parentPath));
}

const used = new Set();
for (const input of Object.keys(built.metafile.inputs)) {
  const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (found) used.add(found[1]);
}
const texts = [...used].sort().map((name) => {
  const folder = join("node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile() && isLicence(folder, file));
  const paths = files.map((file) => join(file.parentPath, file.name)).sort();
  const words = paths.map((path) => readFileSync(path, "utf8").trim()).join("\n\n");
  return `${name} ${version} (${license})\n\n${words}\n`;
});
writeFileSync(join(out, "licences.txt"), texts.join(`\n${"=".repeat(80)}\n\n`));
