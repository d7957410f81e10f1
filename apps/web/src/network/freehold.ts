/** The SDK for whoever is at the page, loaded when it is first needed. One instance for each account, so that channels and nonces have one owner. */
import type { Hex, NetworkFile } from "@freehold/protocol";
import type { Freehold, Lane, LaneStore } from "@freehold/sdk";
import { currentSession } from "../account/session.js";

const load = () => import("./sdk.js");
let current: { readonly key: string; readonly freehold: Promise<Freehold> } | undefined;

/** Fetches the code ahead of the first use. */
export function warmUp(): void {
	void load().catch(() => undefined);
}

export function freeholdOf(network: NetworkFile): Promise<Freehold> {
	const session = currentSession();
	const key = `${network.checkpoint.hash} ${session.kind} ${"address" in session ? session.address : ""}`;
	if (current?.key !== key) {
		const freehold = load().then(({ open }) => open(network, session, laneShelf(network.checkpoint.hash)));
		current = { key, freehold };
		freehold.catch(() => {
			if (current?.freehold === freehold) current = undefined;
		});
	}
	return current.freehold;
}

/** Channels are remembered between visits, apart for each chain. */
function laneShelf(chain: Hex): (codec: { read(text: string): Lane; write(lane: Lane): string }) => LaneStore {
	return ({ read, write }) => {
		const prefix = `freehold.lane.${chain.slice(2, 18)}.`;
		const name = (id: Hex): string => `${prefix}${id}`;
		const at = (key: string): Lane | undefined => {
			const text = localStorage.getItem(key);
			return text === null ? undefined : read(text);
		};
		return {
			get: async (id) => at(name(id)),
			put: async (lane) => localStorage.setItem(name(lane.channelId), write(lane)),
			delete: async (id) => localStorage.removeItem(name(id)),
			list: async () =>
				Object.keys(localStorage)
					.filter((key) => key.startsWith(prefix))
					.flatMap((key) => at(key) ?? []),
		};
	};
}
