/** `GET /network.json`: the description of the network that this gateway belongs to. */
import { readFile } from "node:fs/promises";
import { FreeholdError } from "@freehold/protocol";
import type { Handler } from "@freehold/service";

const MAX_BYTES = 64 * 1024;

/**
 * The file is written when the whole network is up, and may come and go: it is read each time, and until it is there the network is starting. Whoever asks here means to pay here: the gateway that the
 * description names is this one.
 */
export function networkPage(path: string | undefined, publicUrl: () => string): Handler {
	return async () => {
		if (path === undefined) throw new FreeholdError("request.notFound", { path: "/network.json" });
		const text = await readFile(path, "utf8").catch(() => undefined);
		if (text === undefined || text.length > MAX_BYTES) throw new FreeholdError("service.starting", { service: "The network" });
		const url = publicUrl();
		const body = JSON.stringify({ ...(JSON.parse(text) as object), gatewayUrl: url, webUrl: url }, undefined, 2);
		return { status: 200, headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" }, body };
	};
}
