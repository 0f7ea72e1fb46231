// The least that an API in Koa can do: reads a JSON body, and answers it as JSON with 202.
import Koa from 'koa';

const app = new Koa();
app.use(async (ctx) => {
  const chunks = [];
  for await (const chunk of ctx.req) chunks.push(chunk);
  ctx.body = JSON.parse(Buffer.concat(chunks).toString());
  ctx.status = 202;
});
const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${server.address().port}` });
});
