/** `freehold demo`: two owners are paid for one answer, anyone can check it, and three ways of cheating fail. */
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { SplitPart } from "@freehold/payments";
import { verifyReceiptText } from "@freehold/proofs";
import {
	FreeholdError,
	formatOpg,
	formatReceiptFile,
	type Hex,
	type JsonTensor,
	type ModelBody,
	type NetworkFile,
	tensorElements,
	toHex,
} from "@freehold/protocol";
import { connect, type Freehold, type Inference, type WaitedReceipt } from "@freehold/sdk";
import { atomicWriteFile, generatePrivateKey, nativeCrypto } from "@freehold/service";
import { privateKeyToAccount } from "viem/accounts";
import { patientFetch } from "../client/patient-fetch.js";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";
import type { DevelopmentAccount } from "../supervisor/data-folder.js";
import { modelsFolder } from "../supervisor/models-folder.js";
import { seedModels } from "../supervisor/seed.js";
import { askRetired, changePixel, raiseCharge } from "./cheats.js";
import { drawDigit } from "./digit.js";
import { type DemoNetwork, demoNetwork } from "./network.js";
import { type Check, type DemoReport, splitLine, sumOf } from "./report.js";
import { type CallSplit, readSplit } from "./split.js";

const BASE = "base/digits";
const CHILD = "plus/digits";
const BUYER_OPG = 100n * 10n ** 18n;
const ANCHOR_WAIT_MS = 60_000;
/** A process that is killed is back in less. */
const PATIENCE_MS = 15_000;
/** Publishes what the third cheat retires. */
const CHEAT_OWNER = "dev-4";

export const demo: Action = async (context, _args, options) => {
	const source = await modelsFolder();
	if (source === undefined)
		throw new FreeholdError("request.notFound", { path: "models/plus-digits, which the demo asks: run it in a clone of the repository" });
	const running = await demoNetwork(context, options);
	try {
		const report = await play(context, running, source);
		if (context.output.json) context.output.result(report, () => "");
		return report.checks.every(({ ok }) => ok) ? 0 : 1;
	} finally {
		await running.stop();
	}
};

async function play(context: CommandContext, { network, accounts }: DemoNetwork, source: string): Promise<DemoReport> {
	const { output, signal } = context;
	const lookup = connectAs(network, undefined);
	const [base, child] = await publishedModels(context, lookup, network, accounts);
	const parent = newest(child).parents[0];
	output.line(
		`  The first owner published ${BASE} ${newest(base).version} · ${formatOpg(perCall(base))} OPG a call      The second published ${CHILD} ${newest(child).version} · owes the base ${(parent?.bps ?? 0) / 100} %`,
	);

	const { pixels, inputs } = await readExample(source);
	const buyer = connectAs(network, privateKeyToAccount(toHex(generatePrivateKey())));
	await buyer.faucet({ amount: BUYER_OPG, signal });
	const asked = await buyer.infer(CHILD, { inputs, signal });
	const receiptPath = join(context.folder.root, "receipts", `${asked.callId.slice(2, 10)}.receipt.json`);
	output.line("  A buyer asks (two signatures to open, then one a call; no gas):");
	for (const [row, line] of answerLines(pixels, asked, relative(process.cwd(), receiptPath)).entries())
		output.line(`    ${row === 0 ? output.bold(line) : line}`);

	// The third cheat takes two blocks: it is tried while the batch fills.
	const cheatOwner = accounts.find(({ name }) => name === CHEAT_OWNER);
	if (cheatOwner === undefined) throw new FreeholdError("account.notFound", { account: CHEAT_OWNER });
	const [receipt, retired] = await Promise.all([
		buyer.receipts.wait(asked.callId, { timeoutMs: ANCHOR_WAIT_MS, signal }),
		readFile(join(source, "base-digits", "model.onnx")).then((model) =>
			askRetired(connectAs(network, privateKeyToAccount(cheatOwner.privateKey)), new Uint8Array(model), inputs, signal),
		),
	]);
	await atomicWriteFile(receiptPath, formatReceiptFile(receipt.file));

	const { checks, kinds, known, notKnown } = await checkAlone(context, receiptPath);
	const block = known.find((line) => line.includes("in block"))?.match(/in block (\d+)/)?.[1] ?? "?";
	const mark = (name: string): string => (checks.find((check) => check.name === name)?.ok === true ? output.good("✓") : output.bad("✗"));
	output.line(
		`  Checked with the network out of the loop:  signed ${mark("signed")} request ${mark("request")} answer ${mark("answer")} price ${mark("price")} anchored in block ${block} ${mark("anchored")}`,
	);
	output.line(
		`  Known: ${kinds.includes("signed") ? "one bonded node vouches" : "nothing"}.  Not known: ${notKnown.some((line) => line.includes("another machine")) ? "that another machine agrees" : "nothing that was asked for"}.`,
	);

	const batch = batchOf(receipt);
	const split = await readSplit(lookup, receipt.file, batch.transaction, signal);
	const sum = sumCheck(asked, split);
	output.line(`  ${splitLine(asked.charge, split.parts)}      sum ${sum.ok ? `exact ${output.good("✓")}` : `${sum.detail} ${output.bad("✗")}`}`);

	const trust = await context.folder.checkpoint();
	const cheats: readonly Check[] = trust === undefined ? [] : [changePixel(receipt.file, trust), raiseCharge(receipt.file, trust), retired];
	const [pixelCheat, chargeCheat, retiredCheat] = cheats.map(({ ok, detail }) => `${ok ? output.good("✗") : output.bad("!")} ${detail}`);
	output.line(`  Now we cheat: one pixel changed ${pixelCheat}   charged 2 OPG ${chargeCheat}   retired model ${retiredCheat}`);
	output.line(`  Your turn: ${output.bold("npx freehold model publish ./yours.onnx --name you/thing --price 1")}`);

	const name = { gateway: batch.gateway, seq: batch.seq };
	return {
		network: { chainId: network.chainId, validators: receipt.file.anchor?.lightBlock.validators.length ?? 0 },
		owners: [base, child].map((model) => ({ name: ownerName(accounts, model.owner), address: model.owner, model: model.model })),
		releases: [base, child].map((model) => {
			const { release, version, parents } = newest(model);
			return { id: release, name: `${model.model}@${version}`, owner: model.owner, parents: parents.map(({ release: id, bps }) => ({ release: id, bps })) };
		}),
		calls: [
			{
				callId: asked.callId,
				release: asked.release,
				charge: asked.charge.toString(),
				evidence: kinds,
				receiptFile: receiptPath,
				batch: name,
				tx: batch.transaction,
			},
		],
		splits: split.parts.map((part: SplitPart) => ({
			batch: name,
			release: part.release ?? asked.release,
			to: part.to,
			role: part.role,
			amount: part.amount.toString(),
		})),
		checks: [...checks, sum, ...cheats],
	};
}

function connectAs(network: NetworkFile, account: ReturnType<typeof privateKeyToAccount> | undefined): Freehold {
	return connect({ network, crypto: nativeCrypto, fetch: patientFetch(PATIENCE_MS), ...(account === undefined ? {} : { account }) });
}

/** Both models from the hub; a network that was started without them publishes them first. */
async function publishedModels(
	context: CommandContext,
	lookup: Freehold,
	network: NetworkFile,
	accounts: readonly DevelopmentAccount[],
): Promise<readonly [ModelBody, ModelBody]> {
	const { signal } = context;
	try {
		return await Promise.all([lookup.models.show(BASE, { signal }), lookup.models.show(CHILD, { signal })]);
	} catch (error) {
		if (!(error instanceof FreeholdError) || error.code !== "model.notFound") throw error;
	}
	await seedModels({ folder: context.folder, network, accounts, seeding: (model) => context.output.note(`  publishing ${model}`) });
	return Promise.all([lookup.models.show(BASE, { signal }), lookup.models.show(CHILD, { signal })]);
}

async function readExample(source: string): Promise<{ readonly pixels: readonly number[]; readonly inputs: Readonly<Record<string, JsonTensor>> }> {
	const inputs = JSON.parse(await readFile(join(source, "plus-digits", "examples", "seven.json"), "utf8")) as {
		readonly pixels: readonly (readonly number[])[];
	};
	return { pixels: inputs.pixels[0] ?? [], inputs };
}

/** The picture on the left; answer, price and file on the right. */
function answerLines(pixels: readonly number[], { tensors, charge }: Inference, receiptPath: string): readonly string[] {
	const { label, probabilities } = tensors;
	const answer = label === undefined ? "?" : String(tensorElements(label)[0]);
	const best = probabilities === undefined ? 0 : Math.max(...tensorElements(probabilities).map(Number));
	const words = [`→ "${answer}"  ${(best * 100).toFixed(1)} %    ${formatOpg(charge)} OPG    ${receiptPath}`];
	return drawDigit(pixels).map((row, index) => `${row}  ${words[index - 1] ?? ""}`.trimEnd());
}

/** The file as it lies on disk and the checkpoint of the folder: nothing else is read, and nobody is asked. */
async function checkAlone(context: CommandContext, path: string) {
	const trust = await context.folder.checkpoint();
	if (trust === undefined) throw new FreeholdError("config.invalid", { option: "--data", reason: `there is no ${context.folder.checkpointFile}` });
	const text = await readFile(path, "utf8");
	const verdict = verifyReceiptText(text, { checkpoint: trust.checkpoint, chainId: trust.chainId, crypto: nativeCrypto, trustNow: Date.now() });
	const wanted = new Set(["order", "signed", "payer", "request", "answer", "engine", "release", "price", "anchored", "header", "state"]);
	return { ...verdict, checks: verdict.checks.filter(({ name }) => wanted.has(name)).map(({ name, ok, detail }): Check => ({ name, ok, detail })) };
}

function sumCheck({ charge }: Inference, { parts, agrees }: CallSplit): Check {
	const sum = sumOf(parts);
	const exact = sum === charge;
	const detail = exact
		? agrees
			? `${parts.length} parts make ${formatOpg(charge)} OPG to the last unit`
			: "the chain's events say another split"
		: `the parts make ${formatOpg(sum)}, the charge is ${formatOpg(charge)}`;
	return { name: "sum", ok: exact && agrees, detail };
}

function batchOf({ batch, file }: WaitedReceipt): { readonly gateway: Hex; readonly seq: string; readonly transaction: Hex } {
	if (batch === undefined || file.anchor === undefined)
		throw new FreeholdError("upstream.timeout", { what: "The gateway's batch", seconds: ANCHOR_WAIT_MS / 1000 });
	return batch;
}

function newest(model: ModelBody): NonNullable<ModelBody["releases"]>[number] {
	const release = model.releases?.find((candidate) => candidate.release === model.latest?.release);
	if (release === undefined) throw new FreeholdError("model.retired", { release: model.model });
	return release;
}

function perCall(model: ModelBody): bigint {
	return BigInt(model.latest?.perCall ?? "0");
}

function ownerName(accounts: readonly DevelopmentAccount[], address: Hex): string {
	return accounts.find((account) => account.address === address)?.name ?? address;
}
