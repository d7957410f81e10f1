/** `freehold mcp`: a network's models, an owner's earnings and the check of receipts, as tools for programs that speak the Model Context Protocol. */
import { readFile } from "node:fs/promises";
import { FreeholdError, formatOpg, limits, parseReceiptFile } from "@freehold/protocol";
import { verifyReceipt } from "@freehold/sdk";
import { type AssistantTool, networkTools } from "@freehold/sdk/assistant";
import { callNotes, type NoteCall } from "../client/call-log.js";
import { connectMember, homeOf, type Member } from "../client/connect.js";
import { LaneTurns } from "../client/lane-turns.js";
import { KnownLicences } from "../client/licence-folder.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";
import { type McpTool, serveMcp } from "../mcp/server.js";
import { Purse } from "../proxy/purse.js";

const VERSION = "0.1.0";
const DEFAULT_TOKENS = 512;

export const mcp: Action = async (context, _, options) => {
	// Nobody can be asked here: the budget is the agreement.
	const member = await connectMember({ ...context, yes: true });
	const purse = new Purse(parseOpg(String(options["budget"] ?? "1"), "--budget"));
	const turns = new LaneTurns(member.lanes, context.signal);
	const looking = networkTools(member.freehold.models)
		.filter(({ name }) => name !== "calculate")
		.map(lookTool);
	const asking = { turns, purse, licences: new KnownLicences(context, member), note: callNotes(homeOf(context.env), member) };
	const tools = [askTool(member, asking), earningsTool(member), verifyTool(member), ...looking];
	await serveMcp({ name: "freehold", version: VERSION, tools, input: process.stdin, output: process.stdout, signal: context.signal });
	return 0;
};

interface Asking {
	readonly turns: LaneTurns;
	readonly purse: Purse;
	readonly licences: KnownLicences;
	readonly note: NoteCall;
}

function askTool({ freehold }: Member, { turns, purse, licences, note }: Asking): McpTool {
	return {
		name: "ask",
		title: "Ask a model",
		description: "Ask a language model of the Freehold network. The call is paid from the user's channel; the answer's receipt is checked before it is given.",
		inputSchema: {
			type: "object",
			properties: {
				message: { type: "string", description: "What to say to the model" },
				model: { type: "string", description: "namespace/name; default freehold/chat" },
				system: { type: "string", description: "Instructions to the model" },
				maxTokens: { type: "integer", minimum: 1, maximum: 4_096 },
				maxOpg: { type: "string", description: "Most that the call may cost, in OPG" },
			},
			required: ["message"],
			additionalProperties: false,
		},
		async run(input, signal) {
			const { message, model = "freehold/chat", system, maxTokens = DEFAULT_TOKENS, maxOpg } = input;
			if (typeof message !== "string" || typeof model !== "string") throw invalid("message", "must be a text");
			if (typeof maxTokens !== "number" || !Number.isSafeInteger(maxTokens) || maxTokens < 1) throw invalid("maxTokens", "must be a whole number");
			const { left } = purse;
			const wished = maxOpg === undefined ? left : parseOpg(String(maxOpg), "maxOpg");
			const end = await turns.take();
			try {
				const messages = [...(typeof system === "string" ? [{ role: "system" as const, content: system }] : []), { role: "user" as const, content: message }];
				const maxCharge = wished < left ? wished : left;
				const { text, charge, callId, receiptFile } = await licences.with(
					model,
					(licence) => freehold.chat(model, { messages, maxTokens, maxCharge, licence, signal }),
					signal,
				);
				purse.spend(charge);
				await note(model, callId, receiptFile.order.gateway);
				return `${text}\n\n[${formatOpg(charge)} OPG · receipt checked · call ${callId}]`;
			} finally {
				end();
			}
		},
	};
}

function earningsTool({ freehold, address }: Member): McpTool {
	return {
		name: "earnings",
		title: "Show earnings",
		description: "What an owner's models have earned on the Freehold network, in OPG, reconciled with the chain.",
		inputSchema: {
			type: "object",
			properties: { address: { type: "string", description: "0x address of the owner; default the user's own" } },
			additionalProperties: false,
		},
		async run({ address: asked = address }, signal) {
			if (typeof asked !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(asked)) throw invalid("address", "must be a 0x address");
			const { claimable, byModel } = await freehold.earnings.show({ address: asked.toLowerCase() as typeof address, signal });
			const models = byModel.map(({ model, calls, net }) => `${model}: ${calls} calls, ${formatOpg(BigInt(net))} OPG`);
			return [`Claimable: ${formatOpg(BigInt(claimable))} OPG`, ...models].join("\n");
		},
	};
}

function verifyTool({ freehold, network }: Member): McpTool {
	return {
		name: "verify",
		title: "Verify a receipt",
		description: "Check a receipt file of a call: what was asked, answered, by which model and machine, for how much, and how that is known. Needs no network.",
		inputSchema: {
			type: "object",
			properties: { path: { type: "string", description: "A *.receipt.json file" }, receipt: { type: "string", description: "Or the text of one" } },
			additionalProperties: false,
		},
		async run({ path, receipt }) {
			const text = typeof receipt === "string" ? receipt : typeof path === "string" ? await readFile(path, "utf8").catch(() => undefined) : undefined;
			if (text === undefined) throw invalid("path", "give a readable receipt file, or its text");
			if (text.length > limits.receiptFileBytes) throw new FreeholdError("request.tooLarge", { limit: limits.receiptFileBytes });
			let file: ReturnType<typeof parseReceiptFile>;
			try {
				file = parseReceiptFile(text);
			} catch (error) {
				return `Forged or altered: ${error instanceof Error ? error.message : "it cannot be read"}`;
			}
			const { outcome, checks } = verifyReceipt(file, {
				checkpoint: network.checkpoint,
				chainId: network.chainId,
				crypto: freehold.client.crypto,
				trustNow: Date.now(),
			});
			return [`Outcome: ${outcome}`, ...checks.map(({ name, ok, detail }) => `${ok ? "✓" : "–"} ${name}: ${detail}`)].join("\n");
		},
	};
}

/** What models of the network itself are offered too: prices, owners and names of models, and the documentation. */
function lookTool({ name, description, parameters, run }: AssistantTool): McpTool {
	const title = description.replace(/\.$/, "");
	const properties = Object.fromEntries(parameters.map((parameter) => [parameter, { type: "string" }]));
	return {
		name,
		title,
		description: `${title}, on the Freehold network.`,
		inputSchema: { type: "object", properties, required: [...parameters], additionalProperties: false },
		async run(input, signal) {
			for (const parameter of parameters) if (typeof input[parameter] !== "string") throw invalid(parameter, "must be a text");
			return run(input as Readonly<Record<string, string>>, signal);
		},
	};
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
