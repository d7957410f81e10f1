/** Taking out what was earned. Nobody is asked: the contracts owe it, and pay whoever they owe it to. */
import { type Hex, hubRoutes, type ModelBody, type ModelListBody } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";

export interface ClaimOptions {
	/** Where the money goes; default: the account itself. */
	readonly to?: Hex;
	readonly signal?: AbortSignal;
}

export interface Claimed {
	/** Owner's income, smallest unit. */
	readonly royalties: bigint;
	/** Fees and refunds, smallest unit. */
	readonly credit: bigint;
	readonly transactions: readonly Hex[];
}

/** Most releases in one `Royalties.flow`. */
const MAX_FLOW = 256;
const ASKED_AT_ONCE = 8;
const MAX_MODELS = 100;

/**
 * Pays out everything: moves on what descendants booked to the account's releases, then claims its royalties and its credit. Zero where nothing is owed;
 * what costs a transaction is skipped then.
 *
 * @example
 * const { royalties } = await freehold.earnings.claim();
 */
export async function claimEarnings(client: Client, options: ClaimOptions = {}): Promise<Claimed> {
	const me = client.account().address.toLowerCase() as Hex;
	const { to = me, signal } = options;
	const transactions: Hex[] = [];
	const key = (what: string): string => `${what} ${Array.from(client.random(8), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

	const waiting = await releasesWithUpstream(client, me, signal);
	if (waiting.length > 0) {
		const { address, abi } = contracts.Royalties;
		const sent = await client
			.transactor()
			.send({ key: key("flow"), to: address, data: encodeFunctionData({ abi, functionName: "flow", args: [waiting] }) }, { signal });
		transactions.push(sent.hash);
	}
	const [royalties, credit] = await Promise.all([
		client.chain.read(contracts.Royalties, "claimable", [me], { signal }),
		client.chain.read(contracts.UsageLedger, "credit", [me], { signal }),
	]);
	if (royalties > 0n) {
		const { address, abi } = contracts.Royalties;
		const sent = await client
			.transactor()
			.send({ key: key("claim"), to: address, data: encodeFunctionData({ abi, functionName: "claim", args: [to] }) }, { signal });
		transactions.push(sent.hash);
	}
	if (credit > 0n) {
		const { address, abi } = contracts.UsageLedger;
		const sent = await client
			.transactor()
			.send({ key: key("withdraw"), to: address, data: encodeFunctionData({ abi, functionName: "withdraw", args: [to] }) }, { signal });
		transactions.push(sent.hash);
	}
	return { royalties, credit, transactions };
}

/** Releases of the account's models to which descendants owe something that has not flowed. Without a hub there is nothing to look through, and the rest is claimed. */
async function releasesWithUpstream(client: Client, owner: Hex, signal: AbortSignal | undefined): Promise<readonly Hex[]> {
	const ask = (path: string, parameters: Readonly<Record<string, string>>, query: Readonly<Record<string, string>>): Promise<unknown> =>
		client.http.json(urlOf(client.network.hubUrl, path, parameters, query), { what: "The hub", signal });
	const list = (await ask(hubRoutes.models.path, {}, { owner, limit: String(MAX_MODELS) })) as ModelListBody;
	const models: ModelBody[] = [];
	// A few at a time: an owner of a hundred models would open a hundred connections.
	for (let from = 0; from < list.models.length; from += ASKED_AT_ONCE) {
		const asked = list.models.slice(from, from + ASKED_AT_ONCE).map(({ model }) => {
			const [namespace = "", name = ""] = model.split("/");
			return ask(hubRoutes.model.path, { namespace, name }, {}) as Promise<ModelBody>;
		});
		models.push(...(await Promise.all(asked)));
	}
	const releases = models.flatMap((model) => (model.releases ?? []).map(({ release }) => release));
	const upstream = await Promise.all(releases.map((release) => client.chain.read(contracts.Royalties, "upstream", [release], { signal })));
	return releases.filter((_, index) => (upstream[index] ?? 0n) > 0n).slice(0, MAX_FLOW);
}
