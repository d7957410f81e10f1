/** `freehold infer`: ask a model, pay its owners, check the answer, keep the receipt. */
import { readFile } from "node:fs/promises";
import {
	FreeholdError,
	formatOpg,
	formatReceiptFile,
	formatShape,
	type Hex,
	type JsonTensor,
	limits,
	type Mode,
	modes,
	type ReceiptFile,
	receiptFileShape,
} from "@freehold/protocol";
import type { Inference } from "@freehold/sdk";
import { atomicWriteFile } from "@freehold/service";
import { logCall } from "../client/call-log.js";
import { connectMember, connectVisitor, homeOf, type Member } from "../client/connect.js";
import { agreeToLicence } from "../client/licence-folder.js";
import type { CommandContext } from "../context.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";

const ANCHOR_WAIT_MS = 30_000;
const REFUSED_FILE = "refused.receipt.json";
const SHOWN_ELEMENTS = 16;
/** Of a number; the answer in `--json` and in the receipt is exact. */
const SHOWN_DIGITS = 4;

export const infer: Action = async (context, [model = ""], options) => {
	if (options["quote"] === true) return showQuote(context, model);
	const inputs = await readInputs(options["input"]);
	const mode = readMode(options["mode"]);
	const max = options["max"];
	const deposit = options["deposit"];
	const receiptPath = typeof options["receipt"] === "string" ? options["receipt"] : undefined;
	const member = await connectMember(context, deposit === undefined ? {} : { deposit: parseOpg(String(deposit), "--deposit") });
	const licence = await agreeToLicence(context, member, model);
	const ask = { inputs, mode, licence, signal: context.signal, ...(max === undefined ? {} : { maxCharge: parseOpg(String(max), "--max") }) };
	const answer = await member.lanes
		.alone(context.signal, () => member.freehold.infer(model, ask))
		.catch(async (error: unknown) => {
			await keepEvidence(context, error, receiptPath);
			throw error;
		});
	const { outputs, usage, callId, receiptFile } = answer;
	const { gateway } = receiptFile.order;
	await logCall(homeOf(context.env), member.network.chainId, member.address, { callId, gateway, model, at: Date.now() });
	context.output.result({ outputs, usage, callId, receiptFile: receiptFileShape.write(receiptFile) }, () => describe(context, answer));
	if (receiptPath !== undefined) await keepReceipt(context, member, answer, receiptPath, options["wait"] !== false);
	return 0;
};

/** What was paid for and is not believed is kept: it shows what the gateway and the node signed. */
async function keepEvidence(context: CommandContext, error: unknown, receiptPath: string | undefined): Promise<void> {
	if (!(error instanceof FreeholdError) || error.code !== "answer.refused" || error.cause === undefined) return;
	const path = receiptPath ?? REFUSED_FILE;
	await atomicWriteFile(path, `${JSON.stringify(isReceiptFile(error.cause) ? receiptFileShape.write(error.cause) : error.cause, null, 2)}\n`);
	context.output.note(`What the gateway sent is kept in ${path}.`);
}

/** True for a file that was read; what could not be read is kept as it came. */
function isReceiptFile(value: unknown): value is ReceiptFile {
	return typeof value === "object" && value !== null && "order" in value && "receipt" in value && typeof (value as ReceiptFile).receipt.charge === "bigint";
}

async function showQuote(context: CommandContext, model: string): Promise<number> {
	const { freehold } = await connectVisitor(context);
	const quote = await freehold.quote(model, { signal: context.signal });
	const { owner, unit } = quote;
	context.output.result(quote, () => {
		const lines = [
			`${quote.model}`,
			`  owner    ${formatOpg(BigInt(owner.perCall))} OPG a call`,
			...(owner.perInputUnit === "0" ? [] : [`           ${formatOpg(BigInt(owner.perInputUnit))} OPG an input ${unit.input}`]),
			...(owner.perOutputUnit === "0" ? [] : [`           ${formatOpg(BigInt(owner.perOutputUnit))} OPG an output ${unit.output}`]),
			`  node     ${formatOpg(BigInt(quote.nodeFee))} OPG`,
			`  gateway  ${formatOpg(BigInt(quote.gatewayFee))} OPG (the protocol's ${quote.protocolFeeBps / 100} % comes out of it)`,
			...(quote.chargeOpg === undefined ? [] : [`  you pay  ${quote.chargeOpg} OPG`]),
		];
		return lines.join("\n");
	});
	return 0;
}

/** Waits until the receipt is proved, and writes what there is: complete, or as it is at the deadline. */
async function keepReceipt(context: CommandContext, member: Member, answer: Inference, path: string, wait: boolean): Promise<void> {
	const waited = wait ? await awaitAnchor(context, member, answer.callId) : undefined;
	await atomicWriteFile(path, formatReceiptFile(waited ?? answer.receiptFile));
	if (waited === undefined)
		context.output.note(
			`Receipt written to ${path}, not yet anchored${wait ? ` after ${ANCHOR_WAIT_MS / 1000} s` : ""}. Complete it with: freehold receipt refresh ${path}`,
		);
	else context.output.note(`Receipt written to ${path}. Check it with: freehold receipt verify ${path}`);
}

async function awaitAnchor(context: CommandContext, member: Member, callId: Hex): Promise<Inference["receiptFile"] | undefined> {
	try {
		const { state, file } = await member.freehold.receipts.wait(callId, { timeoutMs: ANCHOR_WAIT_MS, signal: context.signal });
		return state === "final" ? file : undefined;
	} catch (error) {
		// The receipt at hand is genuine and must not be lost because the complete one did not come.
		if (!(error instanceof FreeholdError)) throw error;
		context.output.note(error.message);
		return undefined;
	}
}

async function readInputs(path: unknown): Promise<Readonly<Record<string, JsonTensor>>> {
	if (typeof path !== "string")
		throw new FreeholdError("config.invalid", { option: "--input", reason: "give a JSON file {name: tensor}, or ask for a price with --quote" });
	const text = await readFile(path, "utf8").catch(() => {
		throw new FreeholdError("config.invalid", { option: "--input", reason: `${path} cannot be read` });
	});
	if (text.length > limits.jsonBodyBytes) throw new FreeholdError("request.tooLarge", { field: "--input", limit: limits.jsonBodyBytes });
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		throw new FreeholdError("config.invalid", { option: "--input", reason: `${path} is not JSON` });
	}
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw new FreeholdError("config.invalid", { option: "--input", reason: `${path} must hold an object {name: tensor}` });
	return value as Readonly<Record<string, JsonTensor>>;
}

function readMode(value: unknown): Mode {
	if (typeof value === "string" && Object.hasOwn(modes, value)) return value as Mode;
	throw new FreeholdError("config.invalid", { option: "--mode", reason: `must be one of ${Object.keys(modes).join(", ")}` });
}

function describe(context: CommandContext, { outputs, charge, callId, deposited }: Inference): string {
	const lines = Object.entries(outputs).map(
		([name, { dtype, shape, data }]) => `${context.output.bold(name)}  ${elements(data)}  ${context.output.dim(`${dtype} ${formatShape(shape)}`)}`,
	);
	if (deposited > 0n) lines.push(context.output.dim(`${formatOpg(deposited)} OPG went into your channel`));
	lines.push(`${formatOpg(charge)} OPG · call ${callId} · ${context.output.good("✓")} signed, and what you asked`);
	return lines.join("\n");
}

function elements(data: unknown): string {
	if (!Array.isArray(data)) return String(data).slice(0, 80);
	const shown = data.slice(0, SHOWN_ELEMENTS).map((element) => (typeof element === "number" ? Number(element.toPrecision(SHOWN_DIGITS)) : element));
	return `${shown.join(" ")}${data.length > SHOWN_ELEMENTS ? ` … (${data.length})` : ""}`;
}
