/** The API's documentation as a page: Swagger UI from this machine, nothing from elsewhere. */
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import type { Context } from 'koa';

// All references are relative to the page: a proxy may serve it below a path of its own.
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Kaje API</title>
    <link rel="icon" href="docs/favicon-32x32.png">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

// validatorUrl: the badge would be asked of a server on the internet.
const START = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
});
`;

const FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css',
  'swagger-ui-bundle.js': 'text/javascript',
  'favicon-32x32.png': 'image/png',
};

// Its files are read, its code is run by browsers only: imported, it would be run here.
const { resolve } = createRequire(import.meta.url);
const pathOf = (file: string): string => resolve(`swagger-ui-dist/${file}`);

export function serveDocs(ctx: Context): void {
  const file: string | undefined = ctx.params.file;
  const type = file !== undefined && Object.hasOwn(FILES, file) ? FILES[file] : undefined;
  ctx.set(
    'content-security-policy',
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
  );
  // Below /docs/ the page's references would be looked for below /docs/docs/.
  if (file === undefined && ctx.path.endsWith('/')) ctx.redirect('../docs');
  else if (file === undefined) send(ctx, 'text/html', PAGE);
  else if (file === 'start.js') send(ctx, 'text/javascript', START);
  else if (type !== undefined) send(ctx, type, createReadStream(pathOf(file)));
}

/** `/` leads to `docs`, and what is mounted as `/jobs` to `jobs/docs`: relative to what was asked for. */
export function redirectToDocs(ctx: Context): void {
  const [asked = '/'] = ctx.originalUrl.split('?');
  const own = asked.slice(asked.lastIndexOf('/') + 1);
  ctx.redirect(own === '' ? 'docs' : `${own}/docs`);
}

function send(ctx: Context, type: string, body: unknown): void {
  ctx.type = type;
  ctx.set('cache-control', 'max-age=3600');
  ctx.body = body;
}
