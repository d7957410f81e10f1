/** Random transactions among a few accounts and contracts, as the comparisons with other engines run them. */
import { toHex } from "@freehold/protocol";
import type { Authorization, ExecutableTx } from "../src/execution/types.js";
import { address, CHAIN_ID, initCodeOf, transaction } from "./execution-kit.js";
import { type Signer, signer } from "./oracle.js";
import { Random } from "./random.js";
import { randomCode } from "./random-code.js";

/** Everything that a random transaction may name. */
export interface World {
	readonly random: Random;
	readonly signers: readonly Signer[];
	readonly contracts: readonly Uint8Array[];
	readonly addresses: readonly Uint8Array[];
	readonly nonces: Map<string, bigint>;
}

export function world(seed: number): World {
	const random = new Random(seed);
	const signers = Array.from({ length: 8 }, (_, index) => signer(seed * 100 + index));
	const contracts = Array.from({ length: 8 }, (_, index) => address(0xc0de00 + index));
	const precompiles = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0b, 0x0d].map(address);
	const addresses = [...contracts, ...contracts, ...signers.map((entry) => entry.address), ...precompiles, address(0xeeee), address(0xc0)];
	return { random, signers, contracts, addresses, nonces: new Map() };
}

export function randomTransaction(world: World): ExecutableTx {
	const { random, signers, contracts, addresses, nonces } = world;
	const sender = random.pick(signers).address;
	const nonce = (nonces.get(toHex(sender)) ?? 0n) + (random.chance(0.04) ? BigInt(random.below(3) - 1) : 0n);
	const type = random.pick([0, 1, 2, 2, 2, 4] as const);
	const creates = type !== 4 && random.chance(0.15);
	const fee = random.chance(0.05) ? BigInt(random.below(7)) : BigInt(7 + random.below(50));
	return transaction(sender, nonce < 0n ? 0n : nonce, {
		type,
		to: creates ? undefined : random.chance(0.8) ? random.pick(contracts) : random.pick(addresses),
		value: random.chance(0.6) ? 0n : BigInt(random.below(10_000)),
		data: creates ? (random.chance(0.7) ? initCodeOf(randomCode(random, addresses, 6)) : randomCode(random, addresses, 6)) : random.bytes(random.below(100)),
		gasLimit: BigInt(random.chance(0.1) ? random.below(80_000) : 60_000 + random.below(900_000)),
		maxFeePerGas: fee,
		maxPriorityFeePerGas: type < 2 ? 0n : fee === 0n ? 0n : BigInt(random.below(Number(fee) + (random.chance(0.02) ? 3 : 1))),
		accessList:
			type === 0
				? []
				: Array.from({ length: random.below(3) }, () => ({
						address: random.pick(addresses),
						storageKeys: Array.from({ length: random.below(4) }, () => new Uint8Array(32).fill(random.below(6), 31)),
					})),
		authorizationList: type === 4 ? Array.from({ length: 1 + random.below(3) }, () => randomAuthorization(world)) : [],
	});
}

function randomAuthorization({ random, signers, contracts, addresses, nonces }: World): Authorization {
	const authority = random.pick(signers).address;
	const known = nonces.get(toHex(authority)) ?? 0n;
	return {
		chainId: random.pick([0n, CHAIN_ID, CHAIN_ID, 1n]),
		address: random.chance(0.15) ? new Uint8Array(20) : random.chance(0.8) ? random.pick(contracts) : random.pick(addresses),
		nonce: known + BigInt(random.below(2)),
		authority: random.chance(0.1) ? undefined : authority,
	};
}
