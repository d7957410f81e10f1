/** `freehold model …`: publish models and look at them. What an owner does with them later stands in `own.ts`. */
import { readFile, stat } from "node:fs/promises";
import { FreeholdError, formatOpg, formatSpec, onnxLimits, type TextAbilities } from "@freehold/protocol";
import { type InspectedModel, inspectModel, type ParentShare, type Published, type PublishProgress } from "@freehold/sdk";
import { connectMember, connectVisitor } from "../client/connect.js";
import { readHubModel } from "../hugging-face/source.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";
import { type Output, table } from "../output/output.js";
import { warnOfLookAlikes } from "./namespace.js";

export const inspect: Action = async ({ output }, [file = ""]) => {
	const model = inspectModel(await readModel(file));
	output.result(model, () => describe(model));
	return 0;
};

export const publish: Action = async (context, [file = ""], options) => {
	const text = (name: string): string | undefined => (typeof options[name] === "string" ? options[name] : undefined);
	const card = text("card");
	const licenceFile = text("licenceFile");
	const ownLicence = text("licence") !== undefined || licenceFile !== undefined;
	const source = text("hf");
	if ((file === "") === (source === undefined)) throw new FreeholdError("request.invalid", { field: "file", reason: "give a file or --hf, one of them" });
	const { bytes, ...origin } =
		source === undefined
			? { bytes: await readModel(file) }
			: await readHubModel(context, { repository: source, revision: text("hfRevision"), file: text("hfFile"), ownLicence });
	const parameters = {
		...origin,
		name: text("name") ?? "",
		version: text("release") ?? "1.0",
		model: bytes,
		price: {
			perCall: parseOpg(text("price") ?? "", "--price"),
			perInputUnit: parseOpg(text("priceInput") ?? "0", "--price-input"),
			perOutputUnit: parseOpg(text("priceOutput") ?? "0", "--price-output"),
		},
		parents: strings(options["parent"]).map(parseParent),
		terms: { leastBps: basisPoints(text("descendantShare") ?? "0"), leastPerCall: parseOpg(text("descendantFloor") ?? "0", "--descendant-floor") },
		...optional("licence", text("licence")),
		...(licenceFile === undefined ? {} : { licenceText: await readText(licenceFile, "--licence-file") }),
		tags: strings(options["tag"]),
		...(card === undefined ? {} : { card: await readText(card, "--card") }),
		...optional("title", text("title")),
		...optional("task", text("task")),
	};
	const { freehold } = await connectMember(context);
	await warnOfLookAlikes(context, freehold, parameters.name.split("/")[0] ?? "");
	const progress = showProgress(context.output);
	try {
		const published = await freehold.publish({ ...parameters, signal: context.signal, progress: progress.update });
		progress.stop();
		const { model, release, block, quote } = published;
		context.output.result(published, () =>
			[
				`${context.output.good("✓")} ${model} is published and yours${block === undefined ? " (it was before)" : ` since block ${block}`}`,
				`  release  ${release}`,
				`  price    ${priceOf(quote)}; callers pay ${quote.chargeOpg === undefined ? "by what they use" : `${quote.chargeOpg} OPG with fees`}`,
				`  ask it   ${quote.unit.input === "inputToken" ? `freehold chat ${model} --account NAME` : `freehold infer ${model} --input FILE.json --account NAME`}`,
			].join("\n"),
		);
		return 0;
	} finally {
		progress.stop();
	}
};

export const list: Action = async (context, words, options) => {
	const { freehold } = await connectVisitor(context);
	const sort = choose(options["sort"], ["calls", "earnings", "newest", "name"] as const, "--sort");
	const query = words.join(" ");
	const body = await freehold.models.list({ sort, signal: context.signal, ...(query === "" ? {} : { query }) });
	// A model whose releases are all retired cannot be asked; `model show` still tells its history.
	const served = body.models.filter(({ latest }) => latest !== undefined);
	context.output.result(body, () =>
		served.length === 0
			? "No models. Publish one with: freehold model publish FILE --name NAMESPACE/NAME --price OPG"
			: table([
					["model", "release", "OPG a call", "calls", "paid", "title"],
					...served.map((model) => [
						model.model,
						model.latest?.version ?? "",
						formatOpg(BigInt(model.latest?.perCall ?? "0")),
						String(model.calls),
						formatOpg(BigInt(model.gross)),
						model.title ?? "",
					]),
				]),
	);
	return 0;
};
export const show: Action = async (context, [name = ""]) => {
	const { freehold } = await connectVisitor(context);
	const model = await freehold.models.show(name, { signal: context.signal });
	context.output.result(model, () => {
		const lines = [
			`${context.output.bold(model.model)}${model.title === undefined ? "" : `  ${model.title}`}`,
			`owner ${model.owner} · ${model.calls} calls · ${formatOpg(BigInt(model.gross))} OPG paid`,
		];
		if (model.task !== undefined) lines.push(model.task);
		for (const spec of model.inputs ?? []) lines.push(`takes ${spec.name}: ${formatSpec(spec)}`);
		for (const spec of model.outputs ?? []) lines.push(`gives ${spec.name}: ${formatSpec(spec)}`);
		if (model.text !== undefined) lines.push(...abilitiesOf(model.text));
		lines.push("");
		for (const release of model.releases ?? []) {
			const price = release.prices.findLast(({ from }) => from <= Date.now());
			const state =
				release.retiredAt === undefined
					? `${formatOpg(BigInt(price?.perCall ?? "0"))} OPG a call${unitPrices(price)}`
					: `retired ${new Date(release.retiredAt).toISOString().slice(0, 10)}`;
			lines.push(`${release.version}  ${state} · ${release.licence} · ${release.format} · ${release.calls} calls`);
			lines.push(`     ${release.release}`);
			for (const parent of release.parents) lines.push(`     made from ${parent.model}, which gets ${parent.bps / 100} %`);
			for (const next of release.prices.filter(({ from }) => from > Date.now()))
				lines.push(`     ${formatOpg(BigInt(next.perCall))} OPG a call from ${new Date(next.from).toISOString()}`);
		}
		return lines.join("\n");
	});
	return 0;
};

/** What is charged beside the call itself. */
function unitPrices(price: { readonly perInputUnit: string; readonly perOutputUnit: string } | undefined): string {
	if (price === undefined || (price.perInputUnit === "0" && price.perOutputUnit === "0")) return "";
	return `, ${formatOpg(BigInt(price.perInputUnit))} an input unit, ${formatOpg(BigInt(price.perOutputUnit))} an output unit`;
}

/** What its owner gets for a call. */
function priceOf({ owner, unit }: Published["quote"]): string {
	const parts = [
		[owner.perCall, "a call"],
		[owner.perInputUnit, unit.input === "inputToken" ? "an input token" : "an input element"],
		[owner.perOutputUnit, unit.output === "outputToken" ? "an output token" : "an output element"],
	] as const;
	const named = parts.filter(([amount, what]) => amount !== "0" || what === "a call").map(([amount, what]) => `${formatOpg(BigInt(amount))} OPG ${what}`);
	return `${named.join(" + ")} to you`;
}

async function readModel(file: string): Promise<Uint8Array> {
	const info = await stat(file).catch(() => {
		throw new FreeholdError("request.invalid", { field: "file", reason: `${file} cannot be read` });
	});
	if (!info.isFile()) throw new FreeholdError("request.invalid", { field: "file", reason: `${file} is not a file` });
	if (info.size > onnxLimits.maxBytes) throw new FreeholdError("request.tooLarge", { field: "file", limit: onnxLimits.maxBytes });
	return new Uint8Array(await readFile(file));
}

async function readText(file: string, option: string): Promise<string> {
	return readFile(file, "utf8").catch(() => {
		throw new FreeholdError("config.invalid", { option, reason: `${file} cannot be read` });
	});
}

function describe(model: InspectedModel): string {
	if (model.format === "upstream") return [`${model.model} as ${model.provider} runs it`, ...abilitiesOf(model.abilities)].join("\n");
	if (model.format === "gguf") {
		const { architecture, name, parameters, quantization, sizeBytes, layers, tokenizer, abilities } = model;
		return [
			`GGUF · ${architecture}${name === undefined ? "" : ` · ${name}`} · ${parameters} parameters in ${layers} layers · ${quantization} · ${sizeBytes} bytes`,
			`${tokenizer.tokens} tokens (${tokenizer.model})`,
			...abilitiesOf(abilities),
		].join("\n");
	}
	const names = (specs: typeof model.inputs, word: string): string[] => specs.map((spec) => `${word} ${spec.name}: ${formatSpec(spec)}`);
	return [
		`ONNX · ${model.nodes} operators · ${model.parameters} parameters · ${model.sizeBytes} bytes · ${model.producer.name} ${model.producer.version}`.trimEnd(),
		...names(model.inputs, "takes"),
		...names(model.outputs, "gives"),
		...model.skippedOutputs.map(({ name, kind }) => `gives ${name}: ${kind}, which no call returns`),
		...(model.random ? ["draws random numbers: two runs may differ, so it is never offered bit-exact"] : []),
	].join("\n");
}

function abilitiesOf({ contextTokens, tasks, tools }: TextAbilities): readonly string[] {
	return [`can be asked for ${tasks.join(", ")}${tools ? ", with tools" : ""}; ${contextTokens} tokens of request and answer together`];
}

/** `RELEASE:BPS`, the share after the last colon. */
function parseParent(text: string): ParentShare {
	const split = text.lastIndexOf(":");
	if (split < 1) throw new FreeholdError("config.invalid", { option: "--parent", reason: `${text} must be RELEASE:BPS, such as base/digits@1.0:1000` });
	return { release: text.slice(0, split), bps: basisPoints(text.slice(split + 1)) };
}

function basisPoints(text: string): number {
	if (!/^\d{1,5}$/.test(text)) throw new FreeholdError("config.invalid", { option: "basis points", reason: `${text} must be a whole number from 0 to 10000` });
	return Number(text);
}

function strings(value: unknown): readonly string[] {
	return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

function optional<K extends string>(key: K, value: string | undefined): { readonly [name in K]?: string } {
	return value === undefined ? {} : ({ [key]: value } as { readonly [name in K]?: string });
}

function choose<const T extends string>(value: unknown, allowed: readonly T[], option: string): T {
	const found = allowed.find((candidate) => candidate === value);
	if (found === undefined) throw new FreeholdError("config.invalid", { option, reason: `must be one of ${allowed.join(", ")}` });
	return found;
}

function showProgress(output: Output): { readonly update: (progress: PublishProgress) => void; readonly stop: () => void } {
	const bar = output.progress("uploading");
	let stopped = false;
	const stop = (): void => {
		if (!stopped) bar.stop();
		stopped = true;
	};
	return {
		update: (progress) => {
			if (progress.step === "uploading") bar.update(progress.doneBytes, progress.totalBytes);
			else if (progress.step !== "checking") stop();
		},
		stop,
	};
}
