/** `freehold proxy`: an endpoint on this machine for any OpenAI or Anthropic client. It holds the account's key, pays by voucher, and checks every receipt before it ends an answer. */
import { randomBytes } from "node:crypto";
import { chatCompletions, completions, type Dialect, embeddings, messages, openaiError, responses } from "@freehold/dialects";
import { FreeholdError, formatOpg, gatewayRoutes, type KeyBody, type Route } from "@freehold/protocol";
import { createLog, fetchJson, type HttpServer, jsonResponse, pause, type RouteBinding, startHttpServer } from "@freehold/service";
import { Registry } from "prom-client";
import { callNotes } from "../client/call-log.js";
import { connectMember, homeOf, type Member } from "../client/connect.js";
import { LaneTurns } from "../client/lane-turns.js";
import { KnownLicences } from "../client/licence-folder.js";
import type { CommandContext } from "../context.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";
import { checkToken, proxyDoor } from "../proxy/doors.js";
import { Purse } from "../proxy/purse.js";

const DEFAULT_PORT = 8_580;
const DEADLINE_MS = 330_000;
const DRAIN_MS = 10_000;
const MODELS_MS = 10_000;
const REFILL_MS = 15_000;

const doors: readonly (readonly [Route, Dialect])[] = [
	[gatewayRoutes.chatCompletions, chatCompletions],
	[gatewayRoutes.completions, completions],
	[gatewayRoutes.embeddings, embeddings],
	[gatewayRoutes.responses, responses],
	[gatewayRoutes.messages, messages],
];

export const proxy: Action = async (context, _, options) => {
	const port = Number(options["port"] ?? DEFAULT_PORT);
	if (!Number.isSafeInteger(port) || port < 0 || port > 65_535) throw new FreeholdError("config.invalid", { option: "--port", reason: "must be a port" });
	const budget = parseOpg(String(options["budget"] ?? "5"), "--budget");
	const member = await connectMember(context);
	const token = options["token"] === undefined ? `fhp_${randomBytes(24).toString("base64url")}` : String(options["token"]);
	const purse = new Purse(budget);
	const server = await listen(member, context, { port, token, purse });
	context.output.result({ url: `${server.url}/v1`, token, budget }, () =>
		[
			`${context.output.good("●")} ${server.url}/v1`,
			`  OPENAI_BASE_URL=${server.url}/v1 OPENAI_API_KEY=${token}`,
			`  ANTHROPIC_BASE_URL=${server.url} ANTHROPIC_API_KEY=${token}`,
			`  Spends at most ${formatOpg(budget)} OPG of ${member.address}, and only for programs that know this key. Ctrl-C ends it.`,
		].join("\n"),
	);
	const refilling = options["refillKeys"] === true ? keepFilled(member, context) : undefined;
	await new Promise<void>((resolve) => {
		const stop = (): void => resolve();
		context.signal.addEventListener("abort", stop, { once: true });
		process.once("SIGTERM", stop);
		if (context.signal.aborted) stop();
	});
	await server.close(DRAIN_MS);
	await refilling;
	context.output.note(`Spent ${formatOpg(purse.spent)} OPG.`);
	return 0;
};

function listen(
	member: Member,
	context: CommandContext,
	{ port, token, purse }: { readonly port: number; readonly token: string; readonly purse: Purse },
): Promise<HttpServer> {
	const seed = (): number => randomBytes(4).readUInt32LE();
	const turns = new LaneTurns(member.lanes, context.signal);
	const licences = new KnownLicences(context, member);
	const modules = {
		freehold: member.freehold,
		turns,
		purse,
		licences,
		note: callNotes(homeOf(context.env), member),
		token,
		seed,
		now: Date.now,
		deadlineMs: DEADLINE_MS,
	};
	const models: RouteBinding = {
		route: gatewayRoutes.textModels,
		refuse: (error) => jsonResponse(openaiError(error), error.entry.status),
		handler: async (request) => {
			checkToken(request, token);
			const url = `${member.network.gatewayUrl}${gatewayRoutes.textModels.path}`;
			return jsonResponse(await fetchJson(url, { what: "The gateway", deadlineMs: MODELS_MS, signal: request.signal }));
		},
	};
	// Errors only: what is asked and answered is nobody's to log.
	const log = createLog({ role: "proxy", level: "error" });
	return startHttpServer([...doors.map(([route, dialect]) => proxyDoor(route, dialect, modules)), models], {
		host: "127.0.0.1",
		port,
		log,
		metrics: new Registry(),
	});
}

/** Signs the next tranche of each key of the account that has spent most of its last one. */
async function keepFilled(member: Member, { signal, output }: CommandContext): Promise<void> {
	while (!signal.aborted) {
		try {
			for (const key of await member.freehold.keys.list({ signal })) {
				if (!isLow(key)) continue;
				await member.lanes.alone(signal, () => member.freehold.keys.refill(key.id, { signal }));
				output.note(`Signed the next tranche of key ${key.name || key.id}.`);
			}
		} catch (error) {
			if (!signal.aborted) output.note(`A key could not be refilled: ${error instanceof Error ? error.message : String(error)}`);
		}
		await pause(REFILL_MS, signal).catch(() => undefined);
	}
}

function isLow({ state, signed, charged, budget, spent }: KeyBody): boolean {
	const left = BigInt(signed) - BigInt(charged);
	const inBudget = BigInt(budget) - BigInt(spent);
	return state === "active" && left < inBudget && left < 10n ** 18n;
}
