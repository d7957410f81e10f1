/** What a light client pays to follow a header: hashes, and every signature of its commit. */
import { defaultCrypto } from "@freehold/proofs";
import { judgeStep } from "@freehold/proofs/light";
import { headerHash, validatorAddress, validatorsHash, voteSignBytes } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { ed25519 } from "@noble/curves/ed25519.js";
import { perCall } from "../lib/measure.mjs";

const CHAIN = "freehold-10741";
const START_S = 1_900_000_000n;
const TARGETS = { 4: 5, 100: 60 };

export async function run() {
	const rows = [];
	for (const [count, target] of Object.entries(TARGETS)) {
		const set = makeSet(Number(count));
		const [trusted, next] = [makeBlock(1n, set), makeBlock(2n, set)];
		const trust = { consensusChainId: CHAIN, trustPeriodMs: 3_600_000, now: Number(START_S) * 1_000 + 60_000 };
		const step = (crypto) => () => {
			const { kind } = judgeStep(trusted, next, trust, crypto);
			if (kind !== "trusted") throw new Error(`the header is ${kind}`);
		};
		const native = await perCall(step(nativeCrypto), { times: 20 });
		const pure = await perCall(step(defaultCrypto), { times: 3, rounds: 3 });
		const row = (provider, { ms, cpuMs }) => ({
			name: `header check, ${count} validators, ${provider}`,
			unit: "ms",
			value: ms,
			target,
			better: "lower",
			cpuMs,
		});
		rows.push(row("native provider", native), row("pure JavaScript", pure));
	}
	return rows;
}

function makeSet(count) {
	return Array.from({ length: count }, (_, index) => {
		const secret = nativeCrypto.sha256(Uint8Array.of(1, index));
		return { secret, publicKey: ed25519.getPublicKey(secret), power: 1n };
	});
}

function makeBlock(height, set) {
	const validators = set.map(({ publicKey, power }) => ({ publicKey, power }));
	const word = new Uint8Array(32).fill(7);
	const time = { seconds: START_S + height, nanos: 0 };
	const header = {
		versionBlock: 11n,
		versionApp: 1n,
		chainId: CHAIN,
		height,
		time,
		lastBlockId: { hash: word, partsTotal: 1, partsHash: word },
		lastCommitHash: word,
		dataHash: word,
		validatorsHash: validatorsHash(validators),
		nextValidatorsHash: validatorsHash(validators),
		consensusHash: word,
		appHash: word,
		lastResultsHash: word,
		evidenceHash: word,
		proposerAddress: validatorAddress(validators[0].publicKey),
	};
	const commit = { height, round: 0, blockId: { hash: headerHash(header), partsTotal: 1, partsHash: word } };
	const signatures = set.map(({ secret, publicKey }) => {
		const signature = ed25519.sign(voteSignBytes({ ...commit, signatures: [] }, { flag: 2, timestamp: time }, CHAIN), secret);
		return { flag: 2, validatorAddress: validatorAddress(publicKey), timestamp: time, signature };
	});
	return { header, commit: { ...commit, signatures }, validators };
}
