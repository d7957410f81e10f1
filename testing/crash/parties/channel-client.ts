/** A client of the SDK: asks two models in turn, pays by channels with small deposits, and closes its channels now and then. */
import type { JsonTensor } from "@freehold/protocol";
import type { Freehold, Inference } from "@freehold/sdk";
import type { Chance } from "../seeded.js";
import { OPG } from "../world.js";
import { PATIENCE_MS, type Party, party, patiently } from "./party.js";

export interface ChannelClient extends Party {
	readonly freehold: Freehold;
	readonly answers: readonly Inference[];
	/** Calls that failed and were asked anew, in words. */
	readonly failures: readonly string[];
}

export interface Question {
	readonly models: readonly string[];
	readonly inputs: Readonly<Record<string, JsonTensor>>;
}

/** Calls after which the channels are closed, about. */
const CLOSING = 9;

export function channelClient(
	name: string,
	freehold: Freehold,
	{ models, inputs }: Question,
	chance: Chance,
	{ closing = true, tolerant = false } = {},
): ChannelClient {
	const answers: Inference[] = [];
	const failures: string[] = [];
	const note = (error: Error): void => {
		failures.push(`${new Date().toISOString()} before answer ${answers.length}: ${error.message}`);
	};
	const ask = async (nth: number): Promise<void> => {
		const model = models[nth % models.length] ?? "";
		// A call that failed cost nothing, and is asked anew.
		answers.push(await patiently(() => freehold.infer(model, { inputs, timeoutMs: PATIENCE_MS }), note));
		if (closing && chance.next() * CLOSING < 1) await patiently(() => freehold.channels.close({ alone: false }));
	};
	return { ...party(name, chance, 120, ask, { tolerant }), freehold, answers, failures };
}

/** Money for two or three calls, so that deposits are as frequent as kills. */
export const smallDeposit = 3n * OPG;
