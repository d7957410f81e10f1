/** On which terms a contract's call is answered: by which release, at which price, and whether its payer has the money. */
import { FreeholdError, type Hex, isHex, modelFormats, modelId, parseModelName, releaseId } from "@freehold/protocol";
import { type ChainClient, contracts } from "@freehold/sdk/chain";
import { type Clock, pause } from "@freehold/service";
import type { ReleaseBook } from "../node/releases.js";
import type { PriceRecord, ReleaseRecord } from "../node/tables.js";
import type { ContractRequest } from "./answer.js";

export interface TermsModules {
	readonly client: ChainClient;
	readonly releases: ReleaseBook;
	/** Block up to which `releases` is known. */
	readonly height: () => bigint | undefined;
	readonly clock: Clock;
}

/** As the contract takes results. */
export const MAX_RESULT_BYTES = 8_192;
export const NO_RELEASE: Hex = `0x${"00".repeat(32)}`;
const CATCH_UP_MS = 5_000;
const CATCH_UP_LOOK_MS = 20;

/**
 * The release that a contract's text names; of a model without version the one published last. A contract may ask for what was published a moment ago: before it
 * is refused, the node sees what its ledger has seen. Throws `model.notFound`, `model.retired`, `engine.unsupported`.
 */
export async function releaseFor(request: ContractRequest, { client, releases, height, clock }: TermsModules, signal: AbortSignal): Promise<ReleaseRecord> {
	try {
		return knownRelease(request, releases);
	} catch (error) {
		if (!(error instanceof FreeholdError) || error.code !== "model.notFound") throw error;
		const head = await client.blockNumber({ signal });
		for (const deadline = clock.now() + CATCH_UP_MS; (height() ?? -1n) < head && clock.now() < deadline; ) await pause(CATCH_UP_LOOK_MS, signal);
		return knownRelease(request, releases);
	}
}

function knownRelease({ model, kind }: ContractRequest, releases: ReleaseBook): ReleaseRecord {
	const name = parseModelName(model);
	const id = name === undefined ? undefined : modelId(name.namespace, name.name);
	const wanted = isHex(model, 32) ? model : id !== undefined && name?.version !== undefined ? releaseId(id, name.version) : undefined;
	const record = wanted === undefined ? releases.newest(id) : releases.served(wanted);
	if (record === undefined) throw new FreeholdError("model.notFound", { model: model.slice(0, 160) });
	const isTensors = record.format === modelFormats.onnx;
	if (isTensors !== (kind === 0)) throw new FreeholdError("engine.unsupported", { mode: "fast", reason: `the model takes ${isTensors ? "tensors" : "text"}` });
	return record;
}

/** `now` in Unix seconds. */
export function currentPrice({ release, prices }: ReleaseRecord, now: number): PriceRecord {
	const price = prices.filter(({ withdrawn, validFrom }) => !withdrawn && validFrom <= now + 1).at(-1);
	if (price === undefined) throw new FreeholdError("model.notFound", { model: release });
	return price;
}

/** A call that its payer could not pay is not run. `calls`: how many of the payer's are under way, this one included. Throws `payment.insufficient`. */
export async function requireFunds(client: ChainClient, payer: Hex, least: bigint, calls: number, signal: AbortSignal): Promise<void> {
	const [balance, cap] = await client.read(contracts.UsageLedger, "prepaidOf", [payer], { signal });
	const needed = least * BigInt(Math.max(1, calls));
	if (balance < needed) throw new FreeholdError("payment.insufficient", { needed: needed.toString(), given: balance.toString() });
	if (cap < least) throw new FreeholdError("payment.insufficient", { needed: least.toString(), given: cap.toString() });
}
