/** An application with the desk where transactions wait for models, driven block by block by the test, on a clock that the test moves; its nodes are the test's own accounts. */
import { inferenceAbi, modelRegistryAbi, nodeRegistryAbi, opgAbi, usageLedgerAbi } from "@freehold/contracts/abi";
import { contractAddresses, fromHex, type Hex, modelId, releaseId, toHex, utf8 } from "@freehold/protocol";
import { type Abi, encodeAbiParameters, encodeDeployData, encodeFunctionData, getContractAddress, keccak256 } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import type { Block } from "../src/block/block.js";
import { CallPool } from "../src/calls/call-pool.js";
import { DEFAULT_MAP_SIZE_BYTES } from "../src/execution/execution.js";
import { PipeDesk } from "../src/pipe/desk.js";
import type { NumberedRequest } from "../src/pipe/request-book.js";
import { initRequest, openApplication } from "./driven-ledger.js";
import { CHAIN_ID, eventually, GENESIS_TIME, OPG } from "./local-ledger.js";

export const MODEL = "rules/model";
export const PRICE = OPG / 10n;
/** Owner's amount and the protocol's hundredth of it; the nodes ask nothing. */
export const COST = (PRICE * 101n) / 100n;
const GAS = 8_000_000n;
const FEE = 10n ** 9n;
const ROLE_INFERENCE = 1;
const BOND = 1_000n * OPG;
const accounts = Array.from({ length: 20 }, (_, addressIndex) =>
	mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex }),
);
export type TestAccount = (typeof accounts)[number];
export const account = (index: number): TestAccount => accounts[index] as TestAccount;
const owner = account(19);
export const nodes = [account(17), account(18)] as const;

export interface Wanted {
	readonly gas?: bigint;
	readonly tip?: bigint;
	readonly nonce?: number;
}

export type DrivenDesk = Awaited<ReturnType<typeof openDesk>>;

/** With a published model, two nodes on the list, and nothing in the pool. */
export async function openDesk() {
	const clock = { now: GENESIS_TIME * 1000 };
	const { application, state, dir, close } = await openApplication(clock);
	const balances = accounts.map(({ address }) => ({ address, amount: (100_000n * OPG).toString() }));
	application.initChain({ ...initRequest, appState: utf8(JSON.stringify({ chainId: CHAIN_ID, timestamp: GENESIS_TIME, balances })) });
	const calls = new CallPool(
		{ dir, historyBlocks: 128, mapSizeBytes: DEFAULT_MAP_SIZE_BYTES, chainId: BigInt(CHAIN_ID), threads: 1, cacheEntries: 10_000 },
		{ now: () => performance.now() },
	);
	const faults: unknown[] = [];
	const closing = new AbortController();
	const desk = new PipeDesk({
		application,
		state,
		calls,
		now: () => clock.now,
		notify: () => undefined,
		onFault: (error) => faults.push(error),
		signal: closing.signal,
	});
	desk.start();
	/** Follows what the pool has of the account. */
	const nonceOf = ({ address }: TestAccount): number =>
		Number(application.pool.pendingNonce(address.toLowerCase()) ?? state.account(fromHex(address.toLowerCase()))?.nonce ?? 0n);

	/** Resolves when nothing waits to be simulated. */
	const settled = (): Promise<unknown> => eventually(async () => (desk.isIdle ? true : undefined), "the simulations", 60_000);

	async function sign(who: TestAccount, to: Hex | undefined, data: Hex, { gas = GAS, tip = 1n, nonce = nonceOf(who) }: Wanted = {}): Promise<Hex> {
		const fees = { maxFeePerGas: FEE, maxPriorityFeePerGas: tip };
		return who.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce, gas, ...fees, ...(to === undefined ? {} : { to }), data });
	}
	/** Hands a transaction to the pool. Gives its hash. Throws what the pool refuses with. */
	function submit(raw: Hex): Hex {
		const { code, log, hash } = application.checkTx(fromHex(raw));
		if (code !== 0) throw new Error(log);
		return toHex(hash);
	}
	const send = async (who: TestAccount, to: Hex | undefined, data: Hex, wanted?: Wanted): Promise<Hex> => {
		const hash = submit(await sign(who, to, data, wanted));
		await settled();
		return hash;
	};

	const proposal = (txs: readonly Uint8Array[] = []) => ({
		height: application.height + 1n,
		time: { seconds: BigInt(Math.floor(clock.now / 1000)), nanos: (clock.now % 1000) * 1_000_000 },
		proposerAddress: new Uint8Array(20),
		txs,
		maxTxBytes: 2_000_000,
	});
	/** The next block, of what the pool offers, or of these. Gives the EVM block, and undefined when none was made. */
	async function block(txs?: readonly Uint8Array[]): Promise<Block | undefined> {
		clock.now += 10;
		const chosen = txs ?? application.prepareProposal(proposal());
		if (!application.processProposal(proposal(chosen))) throw new Error("the proposal was refused");
		const before = application.chain.head.header.number;
		const hash = fromHex(keccak256(toHex(utf8(`block ${application.height}`))));
		application.finalizeBlock({ ...proposal(chosen), hash, misbehaviour: [], absent: [] });
		await application.commit();
		await settled();
		return application.chain.head.header.number === before ? undefined : application.chain.head;
	}
	/** Sends and includes it. Throws when it fails. */
	async function include(who: TestAccount, to: Hex | undefined, data: Hex): Promise<void> {
		const hash = await send(who, to, data);
		await block();
		if (!receipt(hash)?.success) throw new Error("the transaction failed");
	}
	/** Undefined while it is in no block. */
	function receipt(hash: Hex) {
		for (let number = application.chain.head.header.number; number > 0n; number--) {
			const found = application.chain.block(number);
			const at = found?.transactions.findIndex(({ id }) => id === hash) ?? -1;
			if (found !== undefined && at >= 0) return { ...(found.receipts[at] as Block["receipts"][number]), number, at };
		}
		return undefined;
	}
	const view = (to: Hex, data: Hex): Uint8Array => {
		const call = { from: new Uint8Array(20), to: fromHex(to), value: 0n, data: fromHex(data), gasLimit: GAS, gasPrice: 0n };
		const outcome = state.call({ ...call, accessList: [], authorizationList: [], strict: false }, application.nextEnv(BigInt(Math.floor(clock.now / 1000))));
		if (outcome.kind !== "executed") throw new Error(outcome.reason);
		return outcome.output;
	};
	const prepaid = (address: Hex): bigint =>
		BigInt(toHex(view(contractAddresses.UsageLedger, encodeFunctionData({ abi: usageLedgerAbi, functionName: "prepaidOf", args: [address] })).subarray(0, 32)));

	async function deploy(contract: { readonly abi: Abi; readonly bytecode: Hex }, args: readonly unknown[], funds = 50n * OPG): Promise<Hex> {
		const creator = account(15);
		const address = getContractAddress({ from: creator.address, nonce: BigInt(nonceOf(creator)) });
		await include(creator, undefined, encodeDeployData({ ...contract, args }));
		await include(creator, contractAddresses.OPG, encodeFunctionData({ abi: opgAbi, functionName: "approve", args: [contractAddresses.UsageLedger, funds] }));
		await include(creator, contractAddresses.UsageLedger, encodeFunctionData({ abi: usageLedgerAbi, functionName: "prepay", args: [address, funds] }));
		return address;
	}

	/** Takes an account's waiting transactions out of the pool. */
	const forget = ({ address }: TestAccount): void => application.pool.drop([...application.pool.waiting(address.toLowerCase())].map(({ tx }) => tx));

	/** What a node is asked to do now. */
	const asked = (step: "open" | "answer"): readonly (NumberedRequest & { readonly node: TestAccount })[] =>
		nodes.flatMap((node) => desk.requests.of(node.address.toLowerCase() as Hex, 0).flatMap((each) => (each.step === step ? [{ ...each, node }] : [])));
	/** The nodes whose turn it is open what there is to open, in a block. */
	async function open(): Promise<void> {
		for (const node of nodes) {
			const ids = asked("open").flatMap((each) => (each.node === node ? [each.id] : []));
			if (ids.length > 0) await send(node, contractAddresses.Inference, openingOf(ids, node));
		}
		await block();
	}
	/** Delivers for a request, and makes no block. */
	async function answer(request: NumberedRequest & { readonly node: TestAccount }, value: bigint, change: object = {}): Promise<Hex> {
		return send(request.node, contractAddresses.Inference, deliveryOf(request, value, change));
	}

	for (const node of nodes) {
		await include(node, contractAddresses.OPG, encodeFunctionData({ abi: opgAbi, functionName: "approve", args: [contractAddresses.NodeRegistry, BOND] }));
		const registration = [ROLE_INFERENCE, "http://127.0.0.1:1", node.address, 0n, BOND] as const;
		await include(node, contractAddresses.NodeRegistry, encodeFunctionData({ abi: nodeRegistryAbi, functionName: "register", args: registration }));
		await include(node, contractAddresses.Inference, encodeFunctionData({ abi: inferenceAbi, functionName: "enroll", args: [node.address] }));
	}
	await include(owner, contractAddresses.ModelRegistry, publication());
	return {
		application,
		state,
		calls,
		clock,
		desk,
		faults,
		account,
		sign,
		submit,
		send,
		block,
		include,
		receipt,
		view,
		prepaid,
		proposal,
		deploy,
		asked,
		open,
		answer,
		forget,
		/** Moves the clock, and lets the desk look for silent nodes. */
		pass: async (ms: number) => {
			clock.now += ms;
			desk.tick();
			await settled();
		},
		close: async () => {
			desk.stop();
			closing.abort();
			await calls.close();
			await close();
		},
	};
}

export const openingOf = (ids: readonly Hex[], node: TestAccount): Hex =>
	encodeFunctionData({ abi: inferenceAbi, functionName: "open", args: [ids, node.address] });

/** The answer Y = [value / 1000]. */
export function outputOf(value: bigint): Hex {
	const answer = { numbers: [{ name: "Y", values: [{ value, decimals: 3n }], shape: [1] }], strings: [], jsons: [], is_simulation_result: false };
	const entry = inferenceAbi.find((item) => item.type === "function" && item.name === "runModelInference");
	if (entry?.type !== "function") throw new Error("the ABI has no runModelInference");
	return encodeAbiParameters(entry.outputs, [answer] as never);
}

export const RELEASE = releaseId(modelId("rules", "model"), { major: 1, minor: 0 });

/** What a node sends for a request: the answer Y = [value / 1000], or what `change` says. */
export function deliveryOf(request: NumberedRequest & { readonly node: TestAccount }, value: bigint, change: object = {}): Hex {
	const delivery = {
		transaction: request.transaction,
		index: BigInt(request.index),
		kind: request.kind,
		payer: request.payer,
		request: keccak256(request.request),
		operator: request.node.address,
		attempt: request.attempt,
		release: RELEASE,
		priceVersion: 1,
		inputUnits: 1n,
		outputUnits: 1n,
		ok: true,
		output: outputOf(value),
		...change,
	};
	return encodeFunctionData({ abi: inferenceAbi, functionName: "deliver", args: [delivery as never] });
}

function publication(): Hex {
	const digest: Hex = `0x${"11".repeat(32)}`;
	const terms = { leastPerCall: 0n, leastPerInputUnit: 0n, leastPerOutputUnit: 0n, leastBps: 0 };
	const data = { major: 1, minor: 0, format: 1, modes: 3, manifest: digest, inputSchema: digest, outputSchema: digest, licence: "MIT", terms, parents: [] };
	const price = { perCall: PRICE, perInputUnit: 0n, perOutputUnit: 0n };
	return encodeFunctionData({ abi: modelRegistryAbi, functionName: "publish", args: ["rules", "model", 0n, data, price] as never });
}
