/** A load of signed transactions over JSON-RPC, the same for every chain: many senders, batches of 50, several connections. */
import { concatBytes, encodeRlp, fromHex, rlpInteger, toHex } from "@freehold/protocol";
import { createDigestSigner, nativeCrypto } from "@freehold/service";
import { until } from "./processes.mjs";

const SENDERS = 400;
const BATCH = 50;
const CONNECTIONS = 4;
const GWEI = 1_000_000_000n;

export async function rpc(url, method, params = []) {
	const [answer] = await post(url, [{ jsonrpc: "2.0", id: 1, method, params }]);
	if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
	return answer.result;
}

async function post(url, body) {
	const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
	return response.json();
}

/** Raw EIP-1559 transaction. */
export function signTransaction(signer, { chainId, nonce, to, value = 0n, data = new Uint8Array(0), gas, maxFee = 20n * GWEI, tip = 1n }) {
	const fields = [BigInt(chainId), BigInt(nonce), tip, maxFee, gas].map(rlpInteger);
	const body = [...fields, to === undefined ? new Uint8Array(0) : fromHex(to), rlpInteger(value), data, []];
	const signature = signer.signDigest(nativeCrypto.keccak256(concatBytes(Uint8Array.of(2), encodeRlp(body))));
	const trim = (bytes) => bytes.subarray(bytes.findIndex((byte) => byte !== 0));
	const signed = [...body, rlpInteger(BigInt(signature[64] - 27)), trim(signature.subarray(0, 32)), trim(signature.subarray(32, 64))];
	return toHex(concatBytes(Uint8Array.of(2), encodeRlp(signed)));
}

export const benchSigner = (number) => createDigestSigner(nativeCrypto.keccak256(new TextEncoder().encode(`bench sender ${number}`)));

/** Gives each sender money from a funded account. */
export async function fundSenders(url, chainId, rich, amount = 10n ** 18n) {
	let nonce = Number(await rpc(url, "eth_getTransactionCount", [rich.address, "pending"]));
	for (let from = 0; from < SENDERS; from += BATCH) {
		const raws = Array.from({ length: BATCH }, (_, index) =>
			signTransaction(rich, { chainId, nonce: nonce + index, to: benchSigner(from + index).address, value: amount, gas: 21_000n }),
		);
		nonce += BATCH;
		await send(url, raws);
		await until(async () => Number(await rpc(url, "eth_getTransactionCount", [rich.address, "latest"])) >= nonce, "funding");
	}
}

/** Sends `perSender` transactions from each sender; resolves with transactions per second from the first byte to the last inclusion. */
export async function load(url, { chainId, perSender, transaction }) {
	const signers = Array.from({ length: SENDERS }, (_, index) => benchSigner(index));
	const nonces = await Promise.all(signers.map(async ({ address }) => Number(await rpc(url, "eth_getTransactionCount", [address, "latest"]))));
	const raws = [];
	for (let round = 0; round < perSender; round++) {
		for (const [index, signer] of signers.entries())
			raws.push(signTransaction(signer, { chainId, nonce: nonces[index] + round, ...transaction(index, round) }));
	}
	const batches = [];
	for (let from = 0; from < raws.length; from += BATCH) batches.push(raws.slice(from, from + BATCH));
	const start = performance.now();
	let next = 0;
	await Promise.all(
		Array.from({ length: CONNECTIONS }, async () => {
			for (let index = next++; index < batches.length; index = next++) await send(url, batches[index]);
		}),
	);
	await until(async () => {
		const last = signers.at(-1);
		return (
			Number(await rpc(url, "eth_getTransactionCount", [last.address, "latest"])) >= nonces.at(-1) + perSender &&
			(await allIncluded(url, signers, nonces, perSender))
		);
	}, "inclusion");
	return raws.length / ((performance.now() - start) / 1000);
}

async function allIncluded(url, signers, nonces, perSender) {
	const answers = await post(
		url,
		signers.map(({ address }, id) => ({ jsonrpc: "2.0", id, method: "eth_getTransactionCount", params: [address, "latest"] })),
	);
	return answers.every(({ id, result }) => Number(result) >= nonces[id] + perSender);
}

async function send(url, raws) {
	const answers = await post(
		url,
		raws.map((raw, id) => ({ jsonrpc: "2.0", id, method: "eth_sendRawTransaction", params: [raw] })),
	);
	const refused = answers.find(({ error }) => error);
	if (refused) throw new Error(refused.error.message);
}
