/** What a node needs around it: a real ledger and storage as processes, a published release, and a gateway's key that signs orders. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { engineGenesis, prepareHome, writeGenesis } from "@freehold/ledger";
import {
	callId,
	commit,
	commitTensors,
	contractAddresses,
	defaultHashes,
	fromHex,
	type Hex,
	inspectGguf,
	inspectOnnx,
	isGguf,
	type Manifest,
	manifestDigest,
	manifestText,
	maxInputTokens,
	maxOutputTokens,
	modelFormats,
	modelId,
	modes,
	type Order,
	orderDigest,
	orderShape,
	type Price,
	payerCommitment,
	releaseId,
	schemaDigest,
	type Tensors,
	type TextRequest,
	tensorsToJson,
	textRequestShape,
	textRequestText,
	toHex,
} from "@freehold/protocol";
import { type ChainClient, contracts, createChainClient, createTransactor, type TransactionReceipt, type Transactor } from "@freehold/sdk/chain";
import { type Abi, encodeFunctionData } from "viem";
import { freePortBase } from "../cli/command.js";
import { keyText, type TestAccount, testAccount } from "../journey/accounts.js";
import { eventually, type RunningProgram, startProgram, temporaryFolder } from "../journey/programs.js";

export const CHAIN_ID = 10741;
export const OPG = 10n ** 18n;
export const NODE_FEE = OPG / 20n;

const accounts = { node: 0, gateway: 1, smallGateway: 2, owner: 3, stranger: 4, payer: 5 } as const;
export type AccountName = keyof typeof accounts;
export const account = (name: AccountName): TestAccount => testAccount(accounts[name]);

export const SALT: Hex = `0x${"5a".repeat(32)}`;

export interface Market {
	readonly folder: string;
	readonly client: ChainClient;
	/** Of every ledger: one, or each validator's. */
	readonly rpcUrls: readonly string[];
	readonly storageUrl: string;
	readonly send: (name: AccountName, contract: { readonly address: Hex; readonly abi: Abi }, functionName: string, args: readonly unknown[]) => Promise<void>;
	/** As `send`, and gives the receipt. */
	readonly transact: (
		name: AccountName,
		contract: { readonly address: Hex; readonly abi: Abi },
		functionName: string,
		args: readonly unknown[],
		gas?: bigint,
	) => Promise<TransactionReceipt>;
	/** Creates a contract from its creation code. */
	readonly create: (name: AccountName, data: Hex) => Promise<TransactionReceipt>;
	readonly bondGateway: (name: AccountName, bond: bigint) => Promise<void>;
	readonly publish: (name: string, model: Uint8Array, price: Price, options?: { readonly modes?: number; readonly keepModel?: boolean }) => Promise<Hex>;
	readonly startNode: (options?: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>) => Promise<RunningProgram>;
	readonly stop: () => Promise<void>;
}

export interface MarketOptions {
	/** Of the payer, for models that contracts ask; smallest unit. */
	readonly prepaid?: bigint;
	/** Further options of the one ledger. */
	readonly ledger?: Readonly<Record<string, string>>;
	/** So many order the blocks together, by this engine; without it one ledger does alone. */
	readonly validators?: { readonly count: number; readonly engine: string };
}

export async function openMarket({ prepaid = 0n, validators, ledger: wanted = {} }: MarketOptions = {}): Promise<Market> {
	const folder = await temporaryFolder();
	const path = (name: string): string => join(folder.path, name);
	const balances = Object.keys(accounts).map((name) => ({
		address: account(name as AccountName).address,
		amount: (100_000n * OPG).toString(),
		...(prepaid > 0n && name === "payer" ? { prepaid: prepaid.toString() } : {}),
	}));
	const genesis = { chainId: CHAIN_ID, timestamp: Math.floor(Date.now() / 1000) - 60, balances };
	await writeFile(path("node.key"), keyText(account("node")), { mode: 0o600 });
	const start = { folder: folder.path };
	const options = validators === undefined ? [{ ...(await aloneOptions(path, genesis)), ...wanted }] : await validatorOptions(path, genesis, validators);
	const ledgers = await Promise.all(options.map((each) => startProgram("ledger", each, start)));
	const [ledger] = ledgers as [RunningProgram];
	const storage = await startProgram("storage", { data: path("storage"), port: "0", "walrus-shards": "10" }, start);
	const client = createChainClient({ rpcUrl: ledger.url });
	const transactors = new Map<AccountName, Transactor>();
	let sent = 0;
	const transactorOf = (name: AccountName): Transactor => {
		const transactor = transactors.get(name) ?? createTransactor({ client, signer: account(name).signer });
		transactors.set(name, transactor);
		return transactor;
	};
	const transact: Market["transact"] = async (name, contract, functionName, args, gas) => {
		const transactor = transactorOf(name);
		return transactor.send({
			key: `test:${sent++}`,
			to: contract.address,
			data: encodeFunctionData({ abi: contract.abi, functionName, args }),
			...(gas === undefined ? {} : { gas }),
		});
	};
	const send: Market["send"] = async (...call) => {
		await transact(...call);
	};
	const nodes: RunningProgram[] = [];
	return {
		folder: folder.path,
		client,
		rpcUrls: ledgers.map(({ url }) => url),
		storageUrl: storage.url,
		send,
		transact,
		create: (name, data) => transactorOf(name).send({ key: `test:${sent++}`, data }),
		bondGateway: async (name, bond) => {
			await send(name, contracts.OPG, "approve", [contractAddresses.NodeRegistry, bond]);
			await send(name, contracts.NodeRegistry, "register", [2, "http://127.0.0.1:1", account(name).address, 0n, bond]);
		},
		publish: async (name, model, price, { modes: mask = 3, keepModel = true } = {}) => {
			const gguf = isGguf(model);
			const { inputs, outputs } = gguf ? { inputs: [], outputs: [] } : inspectOnnx(model);
			const put = async (bytes: string | Uint8Array): Promise<void> => {
				const answer = await fetch(`${storage.url}/v1/blobs?blob_id=later`, { method: "PUT", body: bytes as BodyInit });
				if (!answer.ok) throw new Error(`storage answered ${answer.status}: ${await answer.text()}`);
			};
			const sha256: Hex = `0x${createHash("sha256").update(model).digest("hex")}`;
			const format = gguf ? "gguf" : "onnx";
			const files = [{ path: `model.${format}`, sha256, bytes: model.length }];
			const text = gguf ? { text: inspectGguf(model).abilities } : {};
			const manifest: Manifest = { version: 1, release: `${name}@1.0`, format, files, inputs, outputs, ...text, licence: "Apache-2.0" };
			if (keepModel) await put(model);
			await put(manifestText(manifest));
			const [namespace = "", short = ""] = name.split("/");
			const data = {
				major: 1,
				minor: 0,
				format: modelFormats[format],
				modes: mask,
				manifest: manifestDigest(manifest),
				inputSchema: schemaDigest(inputs),
				outputSchema: schemaDigest(outputs),
				licence: "Apache-2.0",
				terms: { leastPerCall: 0n, leastPerInputUnit: 0n, leastPerOutputUnit: 0n, leastBps: 0 },
				parents: [],
			};
			await send("owner", contracts.ModelRegistry, "publish", [namespace, short, 0, data, price]);
			return releaseId(modelId(namespace, short), { major: 1, minor: 0 });
		},
		startNode: async (options = {}, env = {}) => {
			const all = {
				"rpc-url": ledger.url,
				"storage-url": storage.url,
				data: path("node"),
				port: "0",
				"key-file": path("node.key"),
				bond: "500",
				"chain-id": String(CHAIN_ID),
				...options,
			};
			const node = await startProgram("inference", all, { folder: folder.path, env });
			nodes.push(node);
			return node;
		},
		stop: async () => {
			for (const node of nodes) await node.stop();
			await storage.stop();
			await Promise.all(ledgers.map((each) => each.stop()));
			await folder.remove();
		},
	};
}

type Genesis = Readonly<Record<string, unknown>> & { readonly timestamp: number };
type Path = (name: string) => string;

async function aloneOptions(path: Path, genesis: Genesis): Promise<Readonly<Record<string, string>>> {
	await writeFile(path("genesis.json"), JSON.stringify(genesis));
	return { data: path("ledger"), genesis: path("genesis.json"), "sequencer-key": path("sequencer.key"), port: "0", "block-interval": "5ms" };
}

async function validatorOptions(path: Path, appState: Genesis, { count, engine }: { readonly count: number; readonly engine: string }) {
	const homes = Array.from({ length: count }, (_, index) => path(`engine-${index}`));
	const identities = await Promise.all(homes.map((home) => prepareHome(home, "local")));
	const members = identities.map(({ publicKey }, index) => ({ publicKey, power: 10n, name: `v${index}` }));
	const genesis = engineGenesis({ chainId: `freehold-${CHAIN_ID}`, timestamp: appState.timestamp, validators: members, appState });
	await Promise.all(homes.map((home) => writeGenesis(home, genesis)));
	const base = await freePortBase(2 * count);
	const p2p = (index: number): string => `127.0.0.1:${base + 2 * index}`;
	return homes.map((home, own) => ({
		data: path(`ledger-${own}`),
		"validator-home": home,
		cometbft: engine,
		p2p: p2p(own),
		"engine-port": String(base + 2 * own + 1),
		peers: identities.flatMap(({ nodeId }, index) => (index === own ? [] : [`${nodeId}@${p2p(index)}`])).join(","),
		port: "0",
	}));
}

export interface Draft {
	readonly release: Hex;
	readonly inputs: Tensors;
	readonly by?: AccountName;
	readonly signedBy?: AccountName;
	readonly require?: readonly string[];
	readonly mode?: "fast" | "bit-exact";
	/** Part of the call id; another one is another call. */
	readonly reference?: number;
	readonly change?: (order: Order) => Order;
}

export interface DraftedOrder {
	readonly order: Order;
	readonly digest: Hex;
	readonly body: Readonly<Record<string, unknown>>;
}

/** An order as a gateway signs it, with what opens its commitments. */
export function draftOrder({
	release,
	inputs,
	by = "gateway",
	signedBy = by,
	require = [],
	mode = "fast",
	reference = 1,
	change = (order) => order,
}: Draft): DraftedOrder {
	const request = commit({ kind: "inference", version: 1, release, mode, require: require as never, inputs: commitTensors(inputs) }, SALT);
	const gateway = account(by).address;
	const payer = payerCommitment(account("payer").address, SALT);
	const order = change({
		callId: callId({ gateway, payer, paymentReference: toHex(new Uint8Array(32).fill(reference)), request, attempt: 0 }),
		gateway,
		node: account("node").address,
		release,
		priceVersion: 1,
		payer,
		request,
		mode: modes[mode],
		maxInputUnits: 1_000n,
		maxOutputUnits: 1_000n,
		nodeFee: NODE_FEE,
		gatewayFee: OPG / 100n,
		deadline: BigInt(Date.now() + 30_000),
	});
	const digest = orderDigest(order, CHAIN_ID);
	const orderSignature = toHex(account(signedBy).signer.signDigest(fromHex(digest)));
	return { order, digest, body: { order: orderShape.write(order), orderSignature, salt: SALT, require, inputs: tensorsToJson(inputs, "base64") } };
}

export interface TextDraft extends Omit<Draft, "inputs" | "mode"> {
	readonly request: TextRequest;
	/** From now; default 30 s. */
	readonly deadlineMs?: number;
}

/** As `draftOrder`, for a language model. */
export function draftTextOrder({
	release,
	request,
	by = "gateway",
	signedBy = by,
	require = [],
	reference = 1,
	deadlineMs = 30_000,
	change = (order) => order,
}: TextDraft): DraftedOrder {
	const commitment = commit(textRequestText({ release, mode: "fast", require: require as never }, request, defaultHashes), SALT);
	const gateway = account(by).address;
	const payer = payerCommitment(account("payer").address, SALT);
	const order = change({
		callId: callId({ gateway, payer, paymentReference: toHex(new Uint8Array(32).fill(reference)), request: commitment, attempt: 0 }),
		gateway,
		node: account("node").address,
		release,
		priceVersion: 1,
		payer,
		request: commitment,
		mode: modes.fast,
		maxInputUnits: maxInputTokens(request),
		maxOutputUnits: maxOutputTokens(request),
		nodeFee: NODE_FEE,
		gatewayFee: OPG / 100n,
		deadline: BigInt(Date.now() + deadlineMs),
	});
	const digest = orderDigest(order, CHAIN_ID);
	const orderSignature = toHex(account(signedBy).signer.signDigest(fromHex(digest)));
	return { order, digest, body: { order: orderShape.write(order), orderSignature, salt: SALT, require, text: textRequestShape.write(request) } };
}

export interface NodeReply {
	readonly status: number;
	readonly text: string;
	readonly code: string | undefined;
	readonly message: string | undefined;
}

export async function ask(url: string, { body }: Pick<DraftedOrder, "body">): Promise<NodeReply> {
	const answer = await fetch(`${url}/v1/orders`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
	const text = await answer.text();
	const { error } = JSON.parse(text) as { readonly error?: { readonly code: string; readonly message: string } };
	return { status: answer.status, text, code: error?.code, message: error?.message };
}

/** Resolves when the node says that it is ready. */
export async function untilReady(url: string): Promise<void> {
	let last: unknown = "nothing";
	await eventually(
		async () => {
			try {
				const answer = await fetch(`${url}/ready`);
				last = await answer.text();
				return answer.ok ? true : undefined;
			} catch (error) {
				// A connection kept open to the process that was here before.
				last = error;
				return undefined;
			}
		},
		() => `the node is not ready: ${String(last)}`,
		20_000,
	);
}
