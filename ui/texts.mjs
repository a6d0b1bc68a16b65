/** Writes the texts that people are shown as JSON: what `trans.__` and `trans._n` are called with, and where. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The packages may be installed elsewhere: then the first argument says where TypeScript is. */
const compiler = process.argv[2] ? pathToFileURL(join(process.argv[2], 'typescript.js')).href : 'typescript';
const { default: ts } = await import(compiler);

const root = join(dirname(fileURLToPath(import.meta.url)), 'packages');
/** Where texts are handed on, not written. */
const PASSING = new Set(['components/src/texts.tsx', 'labextension/src/texts.ts']);
const COUNTS = new Map([
  ['__', 1],
  ['_n', 2],
]);
const texts = [];
const faults = [];

const literal = (node) => (node && ts.isStringLiteralLike(node) ? node.text : null);

function look(node, source, file) {
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const count = COUNTS.get(node.expression.name.text);
    if (count !== undefined) {
      const [one, many] = node.arguments.slice(0, count).map(literal);
      if (one === null || one === undefined || (count === 2 && (many === null || many === undefined))) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart());
        faults.push(
          `${file}:${line + 1}: what is translated must be written out here, as text without a variable in it`,
        );
      } else {
        texts.push({ text: one, plural: many ?? null, file });
      }
    }
  }
  ts.forEachChild(node, (child) => look(child, source, file));
}

for (const folder of ['api', 'components', 'labextension', 'widget']) {
  const place = join(root, folder, 'src');
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const file = relative(root, path).replaceAll('\\', '/');
    if (entry.isFile() && /\.tsx?$/.test(entry.name) && entry.name !== 'schema.ts' && !PASSING.has(file)) {
      const kind = path.endsWith('.tsx') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
      const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true, kind);
      look(source, source, file);
    }
  }
}
if (faults.length > 0) {
  process.stderr.write(`${faults.join('\n')}\n`);
  process.exit(1);
}
process.stdout.write(`${JSON.stringify(texts)}\n`);
