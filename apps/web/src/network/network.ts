/** The network behind this page. Its programs are reached through the page's own origin, whose policy forbids every other one. */
import { type Checkpoint, FreeholdError, type NetworkFile } from "@freehold/protocol";
import { askJson } from "./ask.js";

/** `network.json` with the addresses that this page may use. */
export async function readNetwork(signal?: AbortSignal): Promise<NetworkFile> {
	const file = (await askJson("/network.json", { what: "The gateway", signal })) as NetworkFile;
	if (file.version !== 1 || typeof file.chainId !== "number")
		throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "no description of a network" });
	const { origin } = location;
	const network = {
		...file,
		gatewayUrl: origin,
		rpcUrl: `${origin}/api/rpc`,
		hubUrl: `${origin}/api/hub`,
		storageUrl: `${origin}/api/storage`,
		webUrl: origin,
	};
	pinCheckpoint(network);
	return network;
}

/** What this browser trusts: the checkpoint of the network that it saw first. Asked for without any request. */
export interface PinnedCheckpoint {
	readonly chainId: number;
	readonly checkpoint: Checkpoint;
	/** Unix milliseconds. */
	readonly seenAt: number;
}

const PINS = "freehold.checkpoints";

export function pinnedCheckpoint(chainId?: number): PinnedCheckpoint | undefined {
	const pins = readPins();
	return chainId === undefined ? pins[0] : pins.find((pin) => pin.chainId === chainId);
}

export function trustCheckpoint(chainId: number, checkpoint: Checkpoint): void {
	const others = readPins().filter((pin) => pin.chainId !== chainId);
	localStorage.setItem(PINS, JSON.stringify([{ chainId, checkpoint, seenAt: Date.now() }, ...others].slice(0, 8)));
}

/** True when the network now names another beginning than the one this browser saw first: a new local network, or someone's attempt. */
export function checkpointChanged(network: Pick<NetworkFile, "chainId" | "checkpoint">): boolean {
	const pin = pinnedCheckpoint(network.chainId);
	return pin !== undefined && JSON.stringify(pin.checkpoint) !== JSON.stringify(network.checkpoint);
}

function pinCheckpoint({ chainId, checkpoint }: NetworkFile): void {
	if (pinnedCheckpoint(chainId) === undefined) trustCheckpoint(chainId, checkpoint);
}

function readPins(): readonly PinnedCheckpoint[] {
	try {
		const value: unknown = JSON.parse(localStorage.getItem(PINS) ?? "[]");
		return Array.isArray(value) ? (value as PinnedCheckpoint[]).filter((pin) => typeof pin?.chainId === "number" && typeof pin.checkpoint === "object") : [];
	} catch {
		return [];
	}
}
