/** Somebody who asks the faucet for money, an address at a time: a gift comes whole or not at all, and not once for each kill. */
import { type Hex, toHex } from "@freehold/protocol";
import type { Chance } from "../seeded.js";
import { type Party, party, persistently } from "./party.js";

export interface GiftTaker extends Party {
	/** How often each address was asked for, by address. */
	readonly asked: ReadonlyMap<Hex, number>;
}

export const GIFT = 10n ** 17n;

export function giftTaker(name: string, gatewayUrl: string, chance: Chance): GiftTaker {
	const asked = new Map<Hex, number>();
	const ask = async (): Promise<void> => {
		const address = toHex(Uint8Array.from({ length: 20 }, () => chance.between(0, 256)));
		const body = JSON.stringify({ address, amount: GIFT.toString() });
		const response = await persistently(() => {
			asked.set(address, (asked.get(address) ?? 0) + 1);
			return fetch(`${gatewayUrl}/v1/faucet`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body,
				signal: AbortSignal.timeout(25_000),
			});
		});
		if (!response.ok) throw new Error(`the faucet refused: ${response.status} ${await response.text()}`);
	};
	return { ...party(name, chance, 1_500, ask), asked };
}
