/** What the page asks the network, how often, and how long an answer counts as fresh. */
import { type EarningsBody, type FacetsBody, FreeholdError, type Hex, type ModelBody, type ModelListBody, parseOpg, type QuoteBody } from "@freehold/protocol";
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { askJson } from "./ask.js";
import { readNetwork } from "./network.js";

const HUB = "The hub";
/** Pace at which live figures are asked for, in milliseconds. */
const LIVE_MS = 2_500;

export const networkQuery = queryOptions({
	queryKey: ["network"],
	queryFn: ({ signal }) => readNetwork(signal),
	staleTime: 60_000,
	refetchInterval: (query) => (query.state.status === "error" ? 2_500 : 20_000),
});

/** A line of a batch as the hub tells it. */
export interface PaidLine {
	readonly id: number;
	readonly gateway: Hex;
	readonly seq: string;
	readonly release: Hex;
	/** `namespace/name@major.minor`. */
	readonly model: string;
	readonly node: Hex;
	readonly calls: number;
	readonly ownerAmount: string;
	readonly nodeFee: string;
	readonly gatewayFee: string;
	readonly protocolFee: string;
	/** Unix milliseconds. */
	readonly time: number;
	readonly block: number;
	readonly transaction: Hex;
}

export interface PaidLines {
	readonly lines: readonly PaidLine[];
	readonly cursor?: string;
}

/** The newest lines, live. */
export const callsQuery = queryOptions({
	queryKey: ["calls"],
	queryFn: ({ signal }) => askJson("/api/hub/v1/calls?limit=500", { what: HUB, signal }) as Promise<PaidLines>,
	refetchInterval: LIVE_MS,
	placeholderData: keepPreviousData,
});

export type ModelSort = "newest" | "calls" | "earnings" | "name";

export interface ModelFilter {
	readonly q?: string | undefined;
	readonly sort?: ModelSort | undefined;
	readonly owner?: string | undefined;
	readonly task?: string | undefined;
	readonly licence?: string | undefined;
	readonly tag?: string | undefined;
	/** OPG for a call, as typed; no filter while it is no amount. */
	readonly maxPrice?: string | undefined;
}

const PAGE = 100;

export const modelsQuery = ({ maxPrice, ...filter }: ModelFilter, limit = PAGE) =>
	infiniteQueryOptions({
		queryKey: ["models", { ...filter, maxPrice, limit }],
		initialPageParam: "0",
		queryFn: ({ signal, pageParam }) => {
			const parameters = new URLSearchParams({ limit: String(limit), cursor: pageParam });
			for (const [name, value] of Object.entries(filter)) if (value) parameters.set(name, value);
			const most = maxPrice === undefined ? undefined : parseOpg(maxPrice.trim());
			if (most !== undefined) parameters.set("maxPrice", most.toString());
			return askJson(`/api/hub/v1/models?${parameters}`, { what: HUB, signal }) as Promise<ModelListBody>;
		},
		getNextPageParam: (last) => last.cursor,
		placeholderData: keepPreviousData,
		staleTime: 5_000,
	});

/** What models can be narrowed to. */
export const facetsQuery = queryOptions({
	queryKey: ["facets"],
	queryFn: ({ signal }) => askJson("/api/hub/v1/facets", { what: HUB, signal }) as Promise<FacetsBody>,
	staleTime: 60_000,
});

export const modelQuery = (name: string) =>
	queryOptions({
		queryKey: ["model", name],
		queryFn: ({ signal }) => askJson(`/api/hub/v1/models/${name}`, { what: HUB, signal }) as Promise<ModelBody>,
		refetchInterval: 10_000,
	});

export interface UsageDay {
	readonly release: Hex;
	readonly version: string;
	/** `2026-11-21`. */
	readonly day: string;
	readonly calls: number;
	readonly inputUnits: string;
	readonly outputUnits: string;
	readonly gross: string;
	readonly net: string;
}

export const usageQuery = (name: string) =>
	queryOptions({
		queryKey: ["usage", name],
		queryFn: ({ signal }) => askJson(`/api/hub/v1/models/${name}/usage?days=365`, { what: HUB, signal }) as Promise<{ readonly days: readonly UsageDay[] }>,
		refetchInterval: 10_000,
	});

export interface Lineage {
	readonly release: Hex;
	readonly releases: readonly { readonly release: Hex; readonly model: string; readonly owner?: Hex }[];
	readonly edges: readonly { readonly child: Hex; readonly parent: Hex; readonly bps: number }[];
	/** False where the graph was too large and is cut. */
	readonly complete: boolean;
}

export const lineageQuery = (release: Hex) =>
	queryOptions({
		queryKey: ["lineage", release],
		queryFn: ({ signal }) => askJson(`/api/hub/v1/releases/${release}/lineage`, { what: HUB, signal }) as Promise<Lineage>,
		staleTime: 30_000,
	});

export const earningsQuery = (address: Hex) =>
	queryOptions({
		queryKey: ["earnings", address],
		queryFn: ({ signal }) => askJson(`/api/hub/v1/earnings/${address}`, { what: HUB, signal }) as Promise<EarningsBody>,
		refetchInterval: LIVE_MS,
	});

/** Names of the language models that the gateway can ask now. */
export const talkersQuery = queryOptions({
	queryKey: ["models", "talkers"],
	queryFn: async ({ signal }) => {
		const { data } = (await askJson("/v1/models", { what: "The gateway", signal })) as { readonly data?: unknown };
		if (!Array.isArray(data)) throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "no list of models" });
		return data.flatMap((model: { readonly id?: unknown }) => (typeof model?.id === "string" ? [model.id] : []));
	},
	staleTime: 15_000,
	refetchInterval: 30_000,
});

/** Display only: what is signed and paid is quoted again and checked against the chain. */
export const quoteQuery = (model: string) =>
	queryOptions({
		queryKey: ["quote", model],
		queryFn: ({ signal }) => askJson(`/v1/quotes/${encodeURIComponent(model)}`, { what: "The gateway", signal }) as Promise<QuoteBody>,
		staleTime: 30_000,
	});

/** Balance of an account, smallest unit. */
export const balanceQuery = (address: Hex) =>
	queryOptions({
		queryKey: ["balance", address],
		queryFn: async ({ signal }) => {
			const body = { jsonrpc: "2.0", id: 1, method: "eth_getBalance", params: [address, "latest"] };
			const answer = (await askJson("/api/rpc", { what: "The ledger", signal, json: body })) as { readonly result?: unknown };
			if (typeof answer.result !== "string") throw new FreeholdError("upstream.failed", { what: "The ledger", reason: "no balance" });
			return BigInt(answer.result);
		},
		refetchInterval: 5_000,
	});
