/** `freehold receipt …`: what a receipt says, whether it is true, and proving an old one again. */
import { readFile, stat } from "node:fs/promises";
import { type ReceiptVerdict, verifyReceiptText } from "@freehold/proofs";
import {
	type EvidenceKind,
	evidenceKinds,
	FreeholdError,
	formatOpg,
	formatReceiptFile,
	type Hex,
	hubRoutes,
	limits,
	type ModelBody,
	modeName,
	parseReceiptFile,
	type ReceiptFile,
	receiptFileShape,
} from "@freehold/protocol";
import { atomicWriteFile, fetchJson, nativeCrypto } from "@freehold/service";
import { readTrust, type Trust } from "../accounts/trust.js";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";

/** Exit status of `receipt verify`. */
const EXIT = { meets: 0, forged: 1, usage: 2, missingEvidence: 3, unanchored: 4 } as const;
const NAME_DEADLINE_MS = 2_000;

/** Opens no network connection: the file, the checkpoint, and arithmetic. */
export const verify: Action = async (context, [file = ""], options) => {
	let text: string;
	let trust: Trust;
	let require: readonly EvidenceKind[];
	try {
		require = readKinds(options["require"]);
		trust = await readTrust(context, options["checkpoint"]);
		text = await readBounded(file);
	} catch (error) {
		if (!(error instanceof FreeholdError)) throw error;
		return usage(context, error);
	}
	const verdict = verifyReceiptText(text, { ...trust, crypto: nativeCrypto, require, trustNow: Date.now() });
	context.output.result(verdict, () => describeVerdict(context, verdict));
	return EXIT[verdict.outcome];
};

export const show: Action = async (context, [file = ""]) => {
	const receipt = parse(await readBounded(file), file);
	const model = await nameOf(context, receipt.order.release);
	const { order, holder, anchor, engine } = receipt;
	context.output.result({ ...(model === undefined ? {} : { model }), receiptFile: receiptFileShape.write(receipt) }, () =>
		[
			`release    ${model ?? order.release}`,
			`charge     ${formatOpg(receipt.receipt.charge)} OPG (node ${formatOpg(order.nodeFee)}, gateway ${formatOpg(order.gatewayFee)}, the rest to the owner)`,
			`node       ${order.node}, ${engine.name} ${engine.version}, mode ${modeName(order.mode) ?? order.mode}`,
			`gateway    ${order.gateway}`,
			`payer      ${holder?.payer ?? "left out"}`,
			`answered   ${new Date(Number(receipt.receipt.finishedAt)).toISOString()}`,
			`request    ${names(receipt.request?.inputs)}`,
			`answer     ${names(receipt.response?.outputs)}`,
			`anchored   ${anchor === undefined ? "not yet" : `batch ${anchor.seq}`}`,
			context.output.dim(`This is what it says. Whether it is true: freehold receipt verify ${file}`),
		].join("\n"),
	);
	return 0;
};

export const refresh: Action = async (context, [file = ""], options) => {
	const receipt = parse(await readBounded(file), file);
	const out = typeof options["out"] === "string" ? options["out"] : file;
	const { connectVisitor } = await import("../client/connect.js");
	const { freehold } = await connectVisitor(context, options);
	const newer = receipt.anchor === undefined ? await complete(context, receipt, options) : await freehold.receipts.refresh(receipt, { signal: context.signal });
	await atomicWriteFile(out, formatReceiptFile(newer));
	const height = newer.anchor?.lightBlock.header.height;
	context.output.result({ file: out, height }, () => `${out} is proved by block ${height}`);
	return 0;
};

/** Adds the anchor that the gateway has by now; what the holder left out stays out. */
async function complete(context: CommandContext, receipt: ReceiptFile, options: Readonly<Record<string, unknown>>): Promise<ReceiptFile> {
	const { connectVisitor } = await import("../client/connect.js");
	const { freehold } = await connectVisitor(context, options);
	const { state, file } = await freehold.receipts.wait(receipt.order.callId, { signal: context.signal });
	if (state !== "final" || file.anchor === undefined)
		throw new FreeholdError("request.invalid", { field: "receipt", reason: "is not anchored yet; try again in a few seconds" });
	return { ...receipt, anchor: file.anchor };
}

/** A file that is too long to be what it should be is read as the text that it cannot be, so that it counts as altered, not as misuse. */
export async function readBounded(path: string): Promise<string> {
	const unreadable = (): never => {
		throw new FreeholdError("request.invalid", { field: "file", reason: `${path} cannot be read` });
	};
	const info = await stat(path).catch(unreadable);
	if (!info.isFile()) return unreadable();
	return info.size > limits.receiptFileBytes ? "" : readFile(path, "utf8").catch(unreadable);
}

function parse(text: string, path: string): ReceiptFile {
	try {
		return parseReceiptFile(text);
	} catch (error) {
		throw new FreeholdError("request.invalid", { field: path, reason: `is not a receipt file: ${error instanceof Error ? error.message : "unreadable"}` });
	}
}

function readKinds(option: unknown): readonly EvidenceKind[] {
	if (typeof option !== "string") return [];
	return option.split(",").map((word) => {
		const kind = evidenceKinds.find((candidate) => candidate === word.trim());
		if (kind === undefined) throw new FreeholdError("config.invalid", { option: "--require", reason: `${word} is none of ${evidenceKinds.join(", ")}` });
		return kind;
	});
}

export function usage(context: CommandContext, error: FreeholdError): number {
	if (context.output.json) context.output.result({ error: { code: error.code, message: error.message } }, () => "");
	else process.stderr.write(`${context.output.bad("✗")} ${error.message}\n`);
	return EXIT.usage;
}

const VERDICTS: Readonly<Record<ReceiptVerdict["outcome"], string>> = {
	meets: "Genuine.",
	forged: "Not genuine: altered, or never signed.",
	missingEvidence: "Genuine, and a kind of evidence that you require is missing.",
	unanchored: "Nothing is wrong with it, and it is not anchored yet.",
};

function describeVerdict({ output }: CommandContext, { outcome, checks, known, notKnown }: ReceiptVerdict): string {
	const mark = { holds: output.good("✓"), fails: output.bad("✗"), unproven: output.dim("–") } as const;
	return [
		...checks.map(({ name, result, detail }) => `${mark[result]} ${name.padEnd(9)} ${detail}`),
		"",
		output.bold(VERDICTS[outcome]),
		...(known.length === 0 ? [] : ["Known:", ...known.map((line) => `  ${line}`)]),
		...(notKnown.length === 0 ? [] : ["Not known:", ...notKnown.map((line) => `  ${line}`)]),
	].join("\n");
}

function names(tensors: Readonly<Record<string, unknown>> | undefined): string {
	return tensors === undefined ? "left out" : Object.keys(tensors).join(", ");
}

/** The name of a release, where a hub is at hand: the file itself carries no labels. */
async function nameOf(context: CommandContext, release: Hex): Promise<string | undefined> {
	try {
		const { findNetwork } = await import("../accounts/network.js");
		const network = await findNetwork(context);
		const url = new URL(hubRoutes.release.path.replace(":release", release), network.hubUrl).href;
		const body = (await fetchJson(url, { what: "The hub", deadlineMs: NAME_DEADLINE_MS, signal: context.signal })) as ModelBody;
		const version = body.releases?.find((candidate) => candidate.release === release)?.version;
		return version === undefined ? body.model : `${body.model}@${version}`;
	} catch (error) {
		if (error instanceof FreeholdError) return undefined;
		throw error;
	}
}
