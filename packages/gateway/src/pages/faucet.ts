/** `POST /v1/faucet`: money for trying, on development networks. */
import { FreeholdError, formatOpg, type Hex } from "@freehold/protocol";
import type { Transactor } from "@freehold/sdk/chain";
import { type Handler, jsonResponse } from "@freehold/service";
import type { GatewayEvents } from "../program/events.js";
import { type GatewayStore, pack, unpack } from "../store/tables.js";

export interface FaucetModules {
	/** Undefined where there is no faucet. */
	readonly transactor: Transactor | undefined;
	readonly store: GatewayStore;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
	/** Unix milliseconds. */
	readonly now: () => number;
}

const UNIT = 10n ** 18n;
const DEFAULT_AMOUNT = 100n * UNIT;
/** To one address in an hour. */
const HOURLY_LIMIT = 1_000n * UNIT;
const HOUR_MS = 3_600_000;
const DEADLINE_MS = 20_000;

interface Given {
	readonly since: number;
	readonly amount: bigint;
	readonly count: number;
	/** Amount of the newest gift while nobody has seen it in a block: asked for again, it is the same gift. */
	readonly open?: bigint;
}

export function faucetPage(modules: FaucetModules): Handler {
	return async (request) => {
		const { transactor, store, events, crashPoint, now } = modules;
		if (transactor === undefined) throw new FreeholdError("faucet.unavailable");
		const { address, amount } = readBody(await request.json(4_096));
		// The allowance is taken before the money leaves: a kill in between gives less, never more.
		const nth = await store.transact((writer) => {
			const bytes = writer.get("faucet", address);
			const before = bytes === undefined ? undefined : unpack<Given>(bytes);
			if (before?.open === amount) return before.count;
			const fresh = before === undefined || now() - before.since >= HOUR_MS;
			const given = (fresh ? 0n : before.amount) + amount;
			if (given > HOURLY_LIMIT) throw new FreeholdError("faucet.limit", { limit: formatOpg(HOURLY_LIMIT) });
			const count = (before?.count ?? 0) + 1;
			writer.put("faucet", address, pack({ since: fresh ? now() : before.since, amount: given, count, open: amount } satisfies Given));
			return count;
		});
		crashPoint("faucet-reserved");
		const close = (): Promise<void> =>
			store.transact((writer) => {
				const bytes = writer.get("faucet", address);
				const given = bytes === undefined ? undefined : unpack<Given>(bytes);
				if (given?.count === nth) writer.put("faucet", address, pack({ since: given.since, amount: given.amount, count: nth } satisfies Given));
			});
		const gift = { key: `faucet:${address}:${nth}`, to: address, value: amount, gas: 21_000n };
		const receipt = await transactor.send(gift, { timeoutMs: DEADLINE_MS }).catch(async (error: unknown) => {
			// An address that takes no plain transfer never gets this one.
			if (error instanceof FreeholdError && error.code === "chain.reverted") await close();
			throw error;
		});
		crashPoint("faucet-given");
		await close();
		events.faucetGave(address, amount);
		return jsonResponse({ address, amount: amount.toString(), amountOpg: formatOpg(amount), transaction: receipt.hash });
	};
}

function readBody(body: unknown): { readonly address: Hex; readonly amount: bigint } {
	const { address, amount } = (typeof body === "object" && body !== null ? body : {}) as { readonly address?: unknown; readonly amount?: unknown };
	if (typeof address !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(address))
		throw new FreeholdError("request.invalid", { field: "address", reason: "must be an address" });
	if (amount !== undefined && (typeof amount !== "string" || !/^[1-9][0-9]{0,24}$/.test(amount)))
		throw new FreeholdError("request.invalid", { field: "amount", reason: "must be a decimal string of the smallest unit" });
	return { address: address.toLowerCase() as Hex, amount: amount === undefined ? DEFAULT_AMOUNT : BigInt(amount) };
}
