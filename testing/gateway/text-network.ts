/** The small network of the gateway's tests, with a language model and a node that runs it. */
import {
	contractAddresses,
	type Hex,
	type Manifest,
	manifestDigest,
	manifestText,
	modelId,
	type NetworkFile,
	type Price,
	releaseId,
	schemaDigest,
} from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { encodeFunctionData } from "viem";
import { eventually } from "../journey/programs.js";
import { account, CHAIN_ID, type NetworkOptions, OPG, startNetwork, type TestNetwork } from "./network.js";
import { startTextNode, type TextNode } from "./text-node.js";

export const MODEL = "talk/echo";
/** A hundredth a call, and a ten-thousandth a token. */
export const TEXT_PRICE: Price = { perCall: OPG / 100n, perInputUnit: OPG / 10_000n, perOutputUnit: OPG / 10_000n };
export const FEES = (5n * OPG) / 100n + (3n * OPG) / 100n;

export interface TextNetwork extends TestNetwork {
	readonly textNode: TextNode;
	readonly textRelease: Hex;
	/** Registers one more node for language models. */
	readonly addTextNode: (name: "gateway" | "stranger", nodeFee: bigint) => Promise<TextNode>;
}

export async function startTextNetwork(options: NetworkOptions = {}): Promise<TextNetwork> {
	const network = await startNetwork(options);
	const nodes: TextNode[] = [];
	const addTextNode = async (name: "secondNode" | "gateway" | "stranger", nodeFee: bigint): Promise<TextNode> => {
		const { signer } = account(name);
		const node = await startTextNode(signer, () => TEXT_PRICE, CHAIN_ID);
		nodes.push(node);
		const bond = 1_000n * OPG;
		const { OPG: token, NodeRegistry } = contracts;
		await network.send(name, token.address, encodeFunctionData({ abi: token.abi, functionName: "approve", args: [contractAddresses.NodeRegistry, bond] }));
		await network.send(
			name,
			NodeRegistry.address,
			encodeFunctionData({ abi: NodeRegistry.abi, functionName: "register", args: [1, node.url, signer.address, nodeFee, bond] }),
		);
		return node;
	};
	const textNode = await addTextNode("secondNode", (5n * OPG) / 100n);
	const textRelease = await publishText(network);
	await eventually(async () => {
		const { data } = (await (await fetch(`${network.gatewayUrl()}/v1/models`)).json()) as { readonly data: readonly unknown[] };
		return data.length > 0 ? true : undefined;
	}, "the model to be served");
	return {
		...network,
		textNode,
		textRelease,
		addTextNode,
		stop: async () => {
			for (const node of nodes) await node.close();
			await network.stop();
		},
	};
}

/** What a client is told of the network. Nothing here is proved against the checkpoint. */
export function networkFileOf(network: TestNetwork): NetworkFile {
	const rpcUrl = network.ledger().url;
	const gatewayUrl = network.gatewayUrl();
	return {
		version: 1,
		name: "test",
		chainId: CHAIN_ID,
		rpcUrl,
		wsUrl: rpcUrl,
		gatewayUrl,
		hubUrl: network.storageUrl,
		storageUrl: network.storageUrl,
		webUrl: gatewayUrl,
		contracts: contractAddresses,
		checkpoint: { kind: "sequencer", signer: `0x${"00".repeat(32)}`, height: 1, hash: `0x${"00".repeat(32)}` },
	};
}

export interface TextModel {
	readonly model: string;
	readonly licence: string;
	/** Beside the model's own. */
	readonly files: Manifest["files"];
}

export async function publishText(
	network: TestNetwork,
	{ model, licence, files }: TextModel = { model: MODEL, licence: "Apache-2.0", files: [] },
): Promise<Hex> {
	const [namespace = "", name = ""] = model.split("/");
	const manifest: Manifest = {
		version: 1,
		release: `${model}@1.0`,
		format: "gguf",
		files: [{ path: "model.gguf", sha256: `0x${"23".repeat(32)}`, bytes: 1 }, ...files],
		inputs: [],
		outputs: [],
		text: { contextTokens: 8_192, tasks: ["chat", "completion", "embedding"], tools: true },
		licence,
	};
	const stored = await fetch(`${network.storageUrl}/v1/blobs?blob_id=later`, { method: "PUT", body: manifestText(manifest) });
	if (!stored.ok) throw new Error(`storage answered ${stored.status}`);
	const data = {
		major: 1,
		minor: 0,
		format: 2,
		modes: 1,
		manifest: manifestDigest(manifest),
		inputSchema: schemaDigest(manifest.inputs),
		outputSchema: schemaDigest(manifest.outputs),
		licence,
		terms: { leastPerCall: 0n, leastPerInputUnit: 0n, leastPerOutputUnit: 0n, leastBps: 0 },
		parents: [],
	};
	const { ModelRegistry } = contracts;
	await network.send(
		"owner",
		ModelRegistry.address,
		encodeFunctionData({ abi: ModelRegistry.abi, functionName: "publish", args: [namespace, name, 0, data, TEXT_PRICE] }),
	);
	return releaseId(modelId(namespace, name), { major: 1, minor: 0 });
}
