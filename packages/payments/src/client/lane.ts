/** What a payer remembers of its channels. One lane carries one call at a time; k lanes carry k. */
import type { Hex } from "@freehold/protocol";
import type { ChannelConfig } from "../channel/channel.js";

/** A channel from the payer's side. Amounts in the smallest unit. */
export interface Lane {
	readonly channelId: Hex;
	readonly config: ChannelConfig;
	/** Deposited less given back, as far as the payer knows. */
	readonly balance: bigint;
	/** Charged in all, as both sides agreed last. */
	readonly charged: bigint;
	/** Highest amount ever signed: the most that can be lost, whatever the other side does. */
	readonly signed: bigint;
}

/** Where lanes are kept between runs. Losing it loses no money: state is read back from the gateway's proof and the chain. */
export interface LaneStore {
	get(channelId: Hex): Promise<Lane | undefined>;
	put(lane: Lane): Promise<void>;
	delete(channelId: Hex): Promise<void>;
	list(): Promise<readonly Lane[]>;
}

export function memoryLaneStore(): LaneStore {
	const lanes = new Map<Hex, Lane>();
	return {
		get: async (id) => lanes.get(id),
		put: async (lane) => void lanes.set(lane.channelId, lane),
		delete: async (id) => void lanes.delete(id),
		list: async () => [...lanes.values()],
	};
}

/** JSON of a lane, for stores that keep text. */
export function writeLane(lane: Lane): string {
	return JSON.stringify(lane, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

/** Lane of its own JSON. */
export function readLane(json: string): Lane {
	const lane = JSON.parse(json) as { channelId: Hex; config: ChannelConfig; balance: string; charged: string; signed: string };
	return { channelId: lane.channelId, config: lane.config, balance: BigInt(lane.balance), charged: BigInt(lane.charged), signed: BigInt(lane.signed) };
}
