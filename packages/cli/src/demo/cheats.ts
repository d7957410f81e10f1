/** Three honest attempts to cheat. Each must be refused, and by the check that is there for it. */
import { randomInt } from "node:crypto";
import { verifyReceiptText } from "@freehold/proofs";
import {
	type CheckpointFile,
	errorFromBody,
	formatReceiptFile,
	fromUtf8,
	gatewayRoutes,
	type Hex,
	modelId,
	type ReceiptFile,
	releaseId,
} from "@freehold/protocol";
import type { Freehold } from "@freehold/sdk";
import { contracts } from "@freehold/sdk/chain";
import { nativeCrypto, pause } from "@freehold/service";
import type { Check } from "./report.js";

const TWO_OPG = 2n * 10n ** 18n;
const OPG = 10n ** 18n;
const FOLLOW_WAIT_MS = 10_000;
const DEADLINE_MS = 30_000;
const PRIVATE_MODEL = "demo/throwaway";
const VERSIONS = 65_536;

/** One pixel of the request in the file, made darker. */
export function changePixel(file: ReceiptFile, trust: CheckpointFile): Check {
	const pixels = file.request?.inputs["pixels"];
	if (file.request === undefined || pixels === undefined) return { name: "cheat-pixel", ok: false, detail: "the receipt holds no pixels" };
	const data = Uint8Array.from(pixels.data);
	const view = new DataView(data.buffer);
	view.setFloat32(0, view.getFloat32(0, true) + 1, true);
	return refusedBy("cheat-pixel", { ...file, request: { ...file.request, inputs: { ...file.request.inputs, pixels: { ...pixels, data } } } }, trust, [
		"request",
	]);
}

/** The charge in the file, raised to 2 OPG. */
export function raiseCharge(file: ReceiptFile, trust: CheckpointFile): Check {
	return refusedBy("cheat-charge", { ...file, receipt: { ...file.receipt, charge: TWO_OPG } }, trust, ["order", "signed"]);
}

function refusedBy(name: string, altered: ReceiptFile, { checkpoint, chainId }: CheckpointFile, expected: readonly string[]): Check {
	const { outcome, checks } = verifyReceiptText(formatReceiptFile(altered), { checkpoint, chainId, crypto: nativeCrypto });
	const failing = checks.filter((check) => check.result === "fails").map((check) => check.name);
	const caught = expected.find((check) => failing.some((name) => name === check));
	return { name, ok: outcome === "forged" && caught !== undefined, detail: caught === undefined ? `accepted: ${outcome}` : `refused (${caught})` };
}

/**
 * Publishes a release, retires it, and asks it all the same, past every check of the SDK. `owner` publishes it and pays the transactions.
 */
export async function askRetired(owner: Freehold, model: Uint8Array, inputs: unknown, signal: AbortSignal): Promise<Check> {
	const name = "cheat-retired";
	const { release } = await owner.publish({
		name: PRIVATE_MODEL,
		version: await freeVersion(owner, signal),
		model,
		price: { perCall: OPG },
		title: "A release of the demo, retired at once",
		signal,
	});
	await owner.models.retire(release, { signal });
	const code = await refusalOf(owner, release, inputs, signal);
	return { name, ok: code === "model.retired", detail: code === "model.retired" ? "refused (release)" : `not refused: ${code}` };
}

/** A release cannot be published twice, so each demo draws a number that the chain does not have. */
async function freeVersion({ client }: Freehold, signal: AbortSignal): Promise<string> {
	const [namespace = "", name = ""] = PRIVATE_MODEL.split("/");
	for (;;) {
		const minor = randomInt(VERSIONS);
		const release = releaseId(modelId(namespace, name), { major: 1, minor });
		if (!(await client.chain.read(contracts.ModelRegistry, "releaseExists", [release], { signal }))) return `1.${minor}`;
	}
}

/** The gateway's answer to a plain request for the release, as soon as it has followed the chain to the retirement. */
async function refusalOf({ client }: Freehold, release: Hex, inputs: unknown, signal: AbortSignal): Promise<string> {
	const url = new URL(gatewayRoutes.inference.path, client.network.gatewayUrl).href;
	const deadline = performance.now() + FOLLOW_WAIT_MS;
	for (;;) {
		const answer = await client.http.request(url, { what: "The gateway", json: { release, inputs }, timeoutMs: DEADLINE_MS, signal });
		const code = answer.status < 300 ? "answered" : (errorFromBody(JSON.parse(fromUtf8(answer.body)))?.code ?? `HTTP ${answer.status}`);
		// 402: the gateway has not seen the block yet, and still names a price.
		if (answer.status !== 402 || performance.now() > deadline) return code;
		await pause(50, signal);
	}
}
