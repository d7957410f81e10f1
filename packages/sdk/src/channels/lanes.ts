/** The account's channels at the network's gateway: those it remembers, and those that the chain remembers for it. */
import { type ChannelConfig, channelId, laneSalt, tillAddress } from "@freehold/payments";
import type { Lane } from "@freehold/payments/client";
import { type ChannelTermsBody, contractAddresses, FreeholdError, gatewayRoutes, type Hex, isHex } from "@freehold/protocol";
import { type Client, readChannel } from "../client/client.js";
import { urlOf } from "../client/http.js";

/** Calls take turns on the first lanes; each API key has one of the later ones to itself. */
export const keyLanes = { first: 16, count: 16 } as const;
/** Lanes that are looked for on the chain. */
const LANES = keyLanes.first + keyLanes.count;

/** The gateway's terms, refused when they would pay anyone but its till. */
export async function channelTerms(client: Client, signal: AbortSignal | undefined): Promise<ChannelTermsBody> {
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.channelTerms.path);
	const terms = (await client.http.json(url, { what: "The gateway", signal })) as ChannelTermsBody;
	if (!isHex(terms.gateway, 20) || !isHex(terms.receiverAuthorizer, 20) || !Number.isSafeInteger(terms.withdrawDelay))
		throw untrusted("its channel terms are malformed");
	if (terms.payTo !== tillAddress(terms.gateway, client.crypto)) throw untrusted(`its payee ${terms.payTo} is not the till of gateway ${terms.gateway}`);
	if (terms.token.address !== contractAddresses.OPG) throw untrusted(`it takes another token than OPG: ${terms.token.address}`);
	if (!(await client.registry.isActive(terms.gateway, "gateway", signal))) throw untrusted(`gateway ${terms.gateway} has no bond in the registry`);
	return terms;
}

export function laneConfig(payer: Hex, terms: ChannelTermsBody, lane: number): ChannelConfig {
	const { payTo, receiverAuthorizer, withdrawDelay, token } = terms;
	return { payer, payerAuthorizer: payer, receiver: payTo, receiverAuthorizer, token: token.address, withdrawDelay, salt: laneSalt(lane) };
}

/** Channels of the account that hold or held money: remembered ones first; forgotten ones are found by their deterministic ids. */
export async function findLanes(client: Client, signal: AbortSignal | undefined): Promise<readonly Lane[]> {
	const payer = client.account().address.toLowerCase() as Hex;
	const kept = (await client.lanes.list()).filter((lane) => lane.config.payer === payer);
	const known = new Map<Hex, Lane>();
	for (const lane of kept) {
		// A store may hold lanes of other networks: the id tells.
		if (channelId(lane.config, client.network.chainId, client.crypto) === lane.channelId) known.set(lane.channelId, lane);
	}
	const terms = await channelTerms(client, signal).catch((error: unknown) => {
		// Without its gateway the account still has what it remembers.
		if (error instanceof FreeholdError && error.code === "network.down") return undefined;
		throw error;
	});
	if (terms === undefined) return [...known.values()];
	const configs = Array.from({ length: LANES }, (_, lane) => laneConfig(payer, terms, lane));
	const found = await Promise.all(
		configs.map(async (config): Promise<Lane | undefined> => {
			const id = channelId(config, client.network.chainId, client.crypto);
			if (known.has(id)) return undefined;
			const { balance, totalClaimed } = await readChannel(client.chain, id);
			return balance === 0n ? undefined : { channelId: id, config, balance, charged: totalClaimed, signed: totalClaimed };
		}),
	);
	return [...known.values(), ...found.filter((lane) => lane !== undefined)];
}

function untrusted(reason: string): FreeholdError {
	return new FreeholdError("gateway.untrusted", { reason });
}
