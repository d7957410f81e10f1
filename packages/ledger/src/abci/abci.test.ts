import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { fromHex, toHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AbciClient, abciClient } from "../../test/abci-client.js";
import { initRequest, openApplication, openSequencer } from "../../test/driven-ledger.js";
import { CHAIN_ID, developers, eventually } from "../../test/local-ledger.js";
import { type Request, RequestSchema, type Response, ResponseSchema } from "../generated/abci_pb.js";
import { AbciAdapter } from "./adapter.js";
import { type AbciServer, serveAbci } from "./server.js";

/** Recorded by `engine/conformance.test.ts`. */
const SESSION = new URL("../../test/vectors/abci-session.json", import.meta.url);

let opened: Awaited<ReturnType<typeof openApplication>>;
let folder: string;
let path: string;
let server: AbciServer;
let client: AbciClient;
const faults: unknown[] = [];
const refusals: unknown[] = [];
const stops: unknown[] = [];

beforeEach(async () => {
	for (const list of [faults, refusals, stops]) list.length = 0;
	opened = await openApplication();
	folder = await mkdtemp(join(tmpdir(), "freehold-abci-test-"));
	path = join(folder, "abci.sock");
	const adapter = new AbciAdapter({
		application: opened.application,
		version: "test",
		ticks: () => 0,
		pause: () => Promise.resolve(),
		crashPoint: () => undefined,
		fromEngine: (work) => work(),
		events: { blockMade: () => undefined, refused: (_, error) => faults.push(error), stopped: (error) => stops.push(error) },
	});
	server = await serveAbci({ path, answer: (request) => adapter.answer(request), refused: (error) => refusals.push(error) });
	client = await abciClient(path);
});
afterEach(async () => {
	await server.close();
	await opened.close();
	await rm(folder, { recursive: true });
});

const transfer = (nonce: number, change: object = {}) =>
	(developers[0] as (typeof developers)[number])
		.signTransaction({
			type: "eip1559",
			chainId: CHAIN_ID,
			nonce,
			gas: 21_000n,
			maxFeePerGas: 10n ** 9n,
			maxPriorityFeePerGas: 3n,
			to: "0x00000000000000000000000000000000000000aa",
			value: 1n,
			...change,
		})
		.then(fromHex);

const initChain = () =>
	client.ask({
		case: "initChain",
		value: {
			chainId: initRequest.chainId,
			time: initRequest.time,
			validators: initRequest.validators.map(({ publicKey, power }) => ({ pubKey: { sum: { case: "ed25519" as const, value: publicKey } }, power })),
			// As the engine sends it: with the white space of the file.
			appStateBytes: Buffer.from(JSON.stringify(JSON.parse(Buffer.from(initRequest.appState).toString()), null, 4)),
		},
	});

type Answers = { readonly [A in Response["value"] as A extends { readonly case: string } ? A["case"] : never]: A["value"] };
const answered = <C extends keyof Answers>(answer: Response["value"], kind: C): NonNullable<Answers[C]> => {
	if (answer.case !== kind) throw new Error(`the answer is of kind ${answer.case}, not ${kind}`);
	return answer.value as unknown as NonNullable<Answers[C]>;
};

describe("one script, two drivers", () => {
	test("the blocks of a solo sequencer have the same application hash and results over ABCI at each height", async () => {
		const solo = await openSequencer();
		try {
			await solo.sequencer.start();
			const script = [
				[{}, { value: 7n }],
				[{ to: undefined, gas: 200_000n, data: "0x602a60005260206000f3" }],
				[{ to: "0x4f50470000000000000000000000000000000002", gas: 60_000n }],
				[{}, {}, {}],
			];
			let nonce = 0;
			for (const changes of script) {
				for (const change of changes) expect(solo.application.checkTx(await transfer(nonce++, change)).code).toBe(0);
				solo.sequencer.notify();
				const sent = nonce;
				const sender = fromHex(developers[0]?.address.toLowerCase() as `0x${string}`);
				await eventually(async () => (solo.state.account(sender)?.nonce === BigInt(sent) ? true : undefined), "the block");
				solo.clock.now += 2_000;
			}
			await solo.sequencer.stop();
			expect(answered(await initChain(), "initChain").appHash).toEqual(Buffer.from(solo.application.chain.hash(0n) ?? []));
			const tip = solo.store.tip();
			if (tip === undefined) throw new Error("no blocks");
			expect(tip.height).toBeGreaterThan(7n);
			for (let height = 1n; height <= tip.height; height++) {
				const block = solo.store.block(height);
				const commit = solo.store.commit(height);
				if (block === undefined || commit === undefined) throw new Error(`no block ${height}`);
				const { time, proposerAddress } = block.header;
				const txs = [...block.txs];
				const judged = answered(await client.ask({ case: "processProposal", value: { height, time, txs, proposerAddress } }), "processProposal");
				expect(judged.status).toBe(1);
				const finalized = answered(
					await client.ask({ case: "finalizeBlock", value: { height, time, txs, hash: commit.blockId.hash, proposerAddress } }),
					"finalizeBlock",
				);
				// The hash of this height stands in the header of the next one.
				const next = solo.store.block(height + 1n)?.header.appHash ?? solo.application.chain.head.hash;
				expect(toHex(finalized.appHash), `height ${height}`).toBe(toHex(next));
				expect(finalized.txResults).toHaveLength(txs.length);
				answered(await client.ask({ case: "commit", value: {} }), "commit");
			}
			const info = answered(await client.ask({ case: "info", value: {} }), "info");
			expect(info.lastBlockHeight).toBe(tip.height);
			expect(toHex(info.lastBlockAppHash)).toBe(toHex(solo.application.chain.head.hash));
			expect([...faults, ...stops]).toEqual([]);
		} finally {
			await solo.sequencer.stop();
			await solo.close();
		}
	});
});

describe("a recorded session of CometBFT with three peers", () => {
	test("is answered byte by byte as it was then, but for the hashes of states, which follow from the contracts of today", async () => {
		const session = JSON.parse(await readFile(SESSION, "utf8")) as readonly {
			readonly connection: number;
			readonly request: string;
			readonly response: string;
		}[];
		const connections = new Map<number, AbciClient>();
		const kinds = new Set<string>();
		for (const { connection, request, response } of session) {
			const one = connections.get(connection) ?? (await abciClient(path));
			connections.set(connection, one);
			const answer = fromBinary(ResponseSchema, await one.askBytes(Buffer.from(request, "base64")));
			const asked: Request = fromBinary(RequestSchema, Buffer.from(request, "base64"));
			const recorded = fromBinary(ResponseSchema, Buffer.from(response, "base64"));
			kinds.add(asked.value.case ?? "none");
			expect(Buffer.from(toBinary(ResponseSchema, withoutHash(answer))), asked.value.case).toEqual(
				Buffer.from(toBinary(ResponseSchema, withoutHash(recorded))),
			);
		}
		// Nothing was asked over the one for snapshots.
		expect(connections.size).toBe(3);
		expect([...kinds].sort()).toEqual(["checkTx", "commit", "finalizeBlock", "flush", "info", "initChain", "prepareProposal", "processProposal"]);
		expect(opened.application.height).toBeGreaterThan(4n);
		expect([...faults, ...stops, ...refusals]).toEqual([]);
	});
});

function withoutHash(answer: Response): Response {
	const { value } = answer;
	if (value.case === "initChain" || value.case === "finalizeBlock") value.value.appHash = new Uint8Array(0);
	if (value.case === "info") value.value.lastBlockAppHash = new Uint8Array(0);
	return answer;
}

describe("over the socket", () => {
	beforeEach(async () => {
		await initChain();
	});

	test("a transaction is admitted once, is known when it comes again, and leaves with its block", async () => {
		const tx = await transfer(0);
		const check = async (type: 0 | 1) => answered(await client.ask({ case: "checkTx", value: { tx, type } }), "checkTx").code;
		expect(await check(0)).toBe(0);
		expect(await check(0)).toBe(0);
		expect(await check(1)).toBe(0);
		const proposal = answered(await client.ask({ case: "prepareProposal", value: { height: 1n, maxTxBytes: 1_000_000n, txs: [tx] } }), "prepareProposal");
		expect(proposal.txs.map((raw) => toHex(raw))).toEqual([toHex(tx)]);
		await client.ask({
			case: "finalizeBlock",
			value: { height: 1n, txs: proposal.txs, time: { seconds: 1_760_000_001n, nanos: 0 }, hash: new Uint8Array(32) },
		});
		await client.ask({ case: "commit", value: {} });
		expect(await check(1)).not.toBe(0);
		expect(await check(0)).not.toBe(0);
	});

	test("a signature is recovered once, whether a transaction came over JSON-RPC or from a peer", async () => {
		const recover = vi.spyOn(nativeCrypto, "recover");
		try {
			const [own, foreign] = [await transfer(0), await transfer(1)];
			expect(opened.application.checkTx(own).code).toBe(0);
			for (const tx of [own, foreign]) expect(answered(await client.ask({ case: "checkTx", value: { tx } }), "checkTx").code).toBe(0);
			const txs = [own, foreign];
			const proposal = answered(await client.ask({ case: "prepareProposal", value: { height: 1n, maxTxBytes: 1_000_000n, txs } }), "prepareProposal");
			expect(proposal.txs.map((raw) => toHex(raw))).toEqual(txs.map((raw) => toHex(raw)));
			expect(answered(await client.ask({ case: "processProposal", value: { height: 1n, txs } }), "processProposal").status).toBe(1);
			const block = { height: 1n, txs, time: { seconds: 1_760_000_001n, nanos: 0 }, hash: new Uint8Array(32) };
			expect(answered(await client.ask({ case: "finalizeBlock", value: block }), "finalizeBlock").txResults.map(({ code }) => code)).toEqual([0, 0]);
			expect(recover).toHaveBeenCalledTimes(2);
		} finally {
			recover.mockRestore();
		}
	});

	test("nonces in [n, n + 64) are admitted and no others", async () => {
		const code = async (nonce: number) => answered(await client.ask({ case: "checkTx", value: { tx: await transfer(nonce) } }), "checkTx").code;
		expect(await code(63)).toBe(0);
		expect(await code(64)).not.toBe(0);
		expect(await code(0)).toBe(0);
	});

	const bad: readonly (readonly [string, () => Promise<Uint8Array[]>])[] = [
		["in the wrong order", async () => [await transfer(1), await transfer(0)]],
		["twice", async () => [await transfer(0), await transfer(0)]],
		["with a gap", async () => [await transfer(0), await transfer(2)]],
		["for more gas than a block has", async () => Promise.all([0, 1].map((nonce) => transfer(nonce, { gas: 60_000_000n })))],
		["of more bytes than a block has", async () => [new Uint8Array(4 * 1024 * 1024)]],
		["that are no transactions", async () => [Uint8Array.of(1, 2, 3)]],
		["of another chain", async () => [await transfer(0, { chainId: 1 })]],
	];
	test.each(bad)("a proposal of transactions %s is refused", async (_, txs) => {
		const judged = answered(await client.ask({ case: "processProposal", value: { height: 1n, txs: await txs() } }), "processProposal");
		expect(judged.status).toBe(2);
		expect(faults).toEqual([]);
	});

	test("a replayed transaction is refused in a proposal", async () => {
		const txs = [await transfer(0)];
		await client.ask({ case: "finalizeBlock", value: { height: 1n, txs, time: { seconds: 1_760_000_001n, nanos: 0 }, hash: new Uint8Array(32) } });
		await client.ask({ case: "commit", value: {} });
		expect(answered(await client.ask({ case: "processProposal", value: { height: 2n, txs } }), "processProposal").status).toBe(2);
	});

	test("a new engine forgets what was finalized and not committed", async () => {
		const block = { height: 1n, txs: [await transfer(0)], time: { seconds: 1_760_000_001n, nanos: 0 }, hash: new Uint8Array(32) };
		const first = answered(await client.ask({ case: "finalizeBlock", value: block }), "finalizeBlock");
		const again = await abciClient(path);
		expect(answered(await again.ask({ case: "info", value: {} }), "info").lastBlockHeight).toBe(0n);
		expect(answered(await again.ask({ case: "finalizeBlock", value: block }), "finalizeBlock").appHash).toEqual(first.appHash);
		await again.ask({ case: "commit", value: {} });
		expect(answered(await again.ask({ case: "info", value: {} }), "info").lastBlockHeight).toBe(1n);
	});

	test("a block that does not follow is an exception, and the program is told to stop", async () => {
		const answer = await client.ask({ case: "finalizeBlock", value: { height: 9n, txs: [] } });
		expect(answer.case).toBe("exception");
		expect(stops).toHaveLength(1);
		expect((await client.ask({ case: "commit", value: {} })).case).toBe("exception");
	});

	test("answers come in order, also when thousands of questions come at once", async () => {
		const questions = Array.from({ length: 5_000 }, (_, index) => client.ask({ case: "echo", value: { message: String(index) } }));
		const answers = await Promise.all(questions);
		expect(answers.every((answer, index) => answered(answer, "echo").message === String(index))).toBe(true);
	});

	test("hostile bytes close their connection; nothing else notices", async () => {
		await fc.assert(
			fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
				const hostile = await abciClient(path);
				hostile.socket.write(bytes);
				hostile.socket.end();
				await new Promise((resolve) => hostile.socket.once("close", resolve));
			}),
			{ numRuns: 60 },
		);
		const tooLong = await abciClient(path);
		tooLong.socket.write(Uint8Array.of(0xff, 0xff, 0xff, 0x7f));
		await new Promise((resolve) => tooLong.socket.once("close", resolve));
		expect(String(refusals.at(-1))).toContain("more than");
		expect(answered(await client.ask({ case: "echo", value: { message: "here" } }), "echo").message).toBe("here");
		expect([...faults, ...stops]).toEqual([]);
	});

	test("random proposals and transactions never raise an exception", async () => {
		const bytes = fc.uint8Array({ maxLength: 300 });
		await fc.assert(
			fc.asyncProperty(fc.array(bytes, { maxLength: 4 }), async (txs) => {
				expect(answered(await client.ask({ case: "processProposal", value: { height: 1n, txs } }), "processProposal").status).toBe(txs.length === 0 ? 1 : 2);
				for (const tx of txs) expect(answered(await client.ask({ case: "checkTx", value: { tx } }), "checkTx").code).not.toBe(0);
			}),
			{ numRuns: 100 },
		);
		expect([...faults, ...stops]).toEqual([]);
	});
});
