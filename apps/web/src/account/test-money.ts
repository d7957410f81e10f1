/** Money for trying, on networks that give it. */
import { gatewayRoutes, type Hex } from "@freehold/protocol";
import { askJson } from "../network/ask.js";

export async function askFaucet(address: Hex): Promise<void> {
	await askJson(gatewayRoutes.faucet.path, { what: "The gateway", json: { address }, timeoutMs: 30_000 });
}
