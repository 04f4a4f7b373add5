// The same echo bot with grammY's webhook on Node's own HTTP server, put together as its documentation does.
// In its favour: it is told who it is, so that it asks nobody at the start, and no log is written.
// Source: https://grammy.dev/guide/deployment-types#how-to-use-webhooks
import { createServer } from "node:http";
import { Bot, webhookCallback } from "grammy";

const { BENCH_API_URL, BENCH_TOKEN, BENCH_SECRET, BENCH_PORT } = process.env;
const bot = new Bot(BENCH_TOKEN, {
  client: { apiRoot: BENCH_API_URL },
  botInfo: { id: 123456, is_bot: true, first_name: "Echo", username: "echo_bot" },
});
bot.on("message:text", (ctx) => ctx.reply(ctx.message.text));
const webhook = webhookCallback(bot, "http", { secretToken: BENCH_SECRET });

createServer((request, response) => {
  if (request.url === "/telegram") return webhook(request, response);
  response.writeHead(request.url === "/health/ready" ? 200 : 404).end();
}).listen(Number(BENCH_PORT), "127.0.0.1");
