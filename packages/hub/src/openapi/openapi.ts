/** The hub's interface as an OpenAPI 3.1 document, made from the route table so that it cannot fall behind it. */
import { hubRoutes, modelFormats, type Route, textTasks } from "@freehold/protocol";

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const number: Schema = { type: "integer" };
const amount: Schema = { type: "string", pattern: "^(0|[1-9][0-9]*)$", description: "Smallest unit of OPG (10⁻¹⁸), decimal." };
const time: Schema = { type: "integer", description: "Unix milliseconds." };
const id: Schema = { type: "string", pattern: "^0x[0-9a-f]{64}$" };
const address: Schema = { type: "string", pattern: "^0x[0-9a-f]{40}$" };
const listOf = (items: Schema): Schema => ({ type: "array", items });
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const objectOf = (required: Readonly<Record<string, Schema>>, optional: Readonly<Record<string, Schema>> = {}): Schema => ({
	type: "object",
	properties: { ...required, ...optional },
	required: Object.keys(required),
});

const tensor = objectOf({ name: text, dtype: text, shape: { type: ["array", "null"], items: { type: ["integer", "string", "null"] } } });

const file = objectOf({ path: text, sha256: id, bytes: number });
const parent = objectOf({ release: id, bps: number });
const facet = objectOf({ value: text, models: number });

const schemas: Readonly<Record<string, Schema>> = {
	Error: objectOf({
		error: objectOf({ code: text, message: text, retryable: { type: "boolean" }, docs: text }, { field: text, limit: { type: ["string", "number"] } }),
	}),
	Release: objectOf(
		{
			release: id,
			version: text,
			publishedAt: time,
			manifest: id,
			format: text,
			licence: text,
			parents: listOf(objectOf({ release: id, model: text, bps: number })),
			prices: listOf(objectOf({ version: number, perCall: amount, perInputUnit: amount, perOutputUnit: amount, from: time }, { until: time })),
			calls: number,
			gross: amount,
		},
		{ retiredAt: time },
	),
	Model: objectOf(
		{ model: text, id, owner: address, tags: listOf(text), calls: number, gross: amount, updatedAt: time },
		{
			latest: objectOf({ release: id, version: text, perCall: amount, perInputUnit: amount, perOutputUnit: amount }),
			title: text,
			task: text,
			licence: text,
			format: text,
			releases: listOf(ref("Release")),
			files: listOf(objectOf({ path: text, sha256: id, bytes: number }, { blobId: text })),
			inputs: listOf(tensor),
			outputs: listOf(tensor),
			text: objectOf({ contextTokens: number, tasks: listOf({ enum: [...textTasks] }), tools: { type: "boolean" } }),
			card: text,
		},
	),
	ModelList: objectOf(
		{ models: listOf(ref("Model")), total: number },
		{
			cursor: text,
			corrected: { type: "object", additionalProperties: listOf(text), description: "Words of the query that stand nowhere, with their stand-ins." },
		},
	),
	Facets: objectOf({ task: listOf(facet), licence: listOf(facet), format: listOf(facet), tag: listOf(facet) }),
	Diff: objectOf(
		{
			from: objectOf({ release: id, model: text }),
			to: objectOf({ release: id, model: text }),
			files: listOf(objectOf({ path: text, change: { enum: ["added", "removed", "changed"] } }, { from: file, to: file })),
			inputs: objectOf({ added: listOf(tensor), removed: listOf(tensor) }),
			outputs: objectOf({ added: listOf(tensor), removed: listOf(tensor) }),
			parents: objectOf({ added: listOf(parent), removed: listOf(parent) }),
		},
		{ licence: objectOf({ from: text, to: text }), card: text },
	),
	Lineage: objectOf({
		release: id,
		releases: listOf(objectOf({ release: id, model: text }, { owner: address })),
		edges: listOf(objectOf({ child: id, parent: id, bps: number })),
		complete: { type: "boolean" },
	}),
	Usage: objectOf({
		model: text,
		days: listOf(
			objectOf({
				release: id,
				version: text,
				day: { type: "string", format: "date" },
				calls: number,
				inputUnits: amount,
				outputUnits: amount,
				gross: amount,
				net: amount,
			}),
		),
	}),
	Earnings: objectOf({
		address,
		claimable: amount,
		upstream: amount,
		claimed: amount,
		byModel: listOf(objectOf({ model: text, calls: number, gross: amount, net: amount, direct: amount, fromDescendants: amount })),
		reconciled: { type: "boolean", description: "The index agrees with the contract to the unit." },
		height: number,
	}),
	Calls: objectOf(
		{
			lines: listOf(
				objectOf({
					id: number,
					gateway: address,
					seq: text,
					position: number,
					release: id,
					model: text,
					priceVersion: number,
					node: address,
					calls: number,
					ownerAmount: amount,
					nodeFee: amount,
					gatewayFee: amount,
					protocolFee: amount,
					time,
					block: number,
					transaction: id,
				}),
			),
		},
		{ cursor: text },
	),
	Namespace: objectOf({ namespace: text, alike: listOf(objectOf({ namespace: text, owner: address, models: number, calls: number })) }, { owner: address }),
	Nodes: objectOf({
		nodes: listOf(
			objectOf({
				operator: address,
				roles: listOf(text),
				endpoint: text,
				nodeFee: amount,
				bond: amount,
				calls: number,
				earned: amount,
				heartbeats: listOf(objectOf({ role: text, endpoint: text, releases: number, sentAt: time, alive: { type: "boolean" } })),
			}),
		),
	}),
	Heartbeat: objectOf({
		heartbeat: objectOf({ operator: address, role: { enum: ["inference", "gateway", "storage"] }, endpoint: text, releases: listOf(id), sentAt: time }),
		signature: { type: "string", pattern: "^0x[0-9a-f]{130}$" },
	}),
};

interface Operation {
	readonly answer?: string;
	/** Of an answer that is no JSON; `null` for one that is no text for programs. */
	readonly mediaType?: string | null;
	readonly body?: string;
	readonly query?: Readonly<Record<string, Schema>>;
}

const page = { limit: number, cursor: text };

const operations: Readonly<Record<keyof typeof hubRoutes, Operation>> = {
	models: {
		answer: "ModelList",
		query: {
			q: text,
			sort: { enum: ["newest", "calls", "earnings", "name"] },
			owner: address,
			namespace: text,
			task: text,
			licence: text,
			format: { enum: Object.keys(modelFormats) },
			evidence: { enum: ["routed", "signed", "replayed", "attested", "proved"] },
			tag: listOf(text),
			minBytes: number,
			maxBytes: number,
			maxPrice: amount,
			...page,
		},
	},
	facets: { answer: "Facets" },
	card: { mediaType: "text/markdown" },
	diff: { answer: "Diff", query: { from: id } },
	atom: { mediaType: null, query: { owner: address, namespace: text, limit: number } },
	jsonFeed: { query: { owner: address, namespace: text, limit: number } },
	model: { answer: "Model" },
	release: { answer: "Model" },
	lineage: { answer: "Lineage" },
	usage: { answer: "Usage", query: { days: number } },
	earnings: { answer: "Earnings" },
	calls: { answer: "Calls", query: page },
	namespace: { answer: "Namespace" },
	nodes: { answer: "Nodes" },
	heartbeat: { body: "Heartbeat" },
	openapi: {},
};

export function openapiDocument(url: string): unknown {
	const paths: Record<string, Record<string, unknown>> = {};
	for (const [name, route] of Object.entries(hubRoutes) as [keyof typeof hubRoutes, Route][]) {
		const path = route.path.replace(/:(\w+)/g, "{$1}");
		paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(name, route, operations[name]) };
	}
	return {
		openapi: "3.1.0",
		info: {
			title: "Freehold hub",
			version: "1",
			description: "Finding models, their lineage, use and earnings. Errors are `{error: {code, message, …}}`.",
			license: { name: "Apache-2.0", identifier: "Apache-2.0" },
		},
		servers: [{ url }],
		paths,
		components: { schemas },
	};
}

function describe(name: string, route: Route, operation: Operation): unknown {
	const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, parameter]) => ({ name: parameter, in: "path", required: true, schema: text }));
	const inQuery = Object.entries(operation.query ?? {}).map(([parameter, schema]) => ({ name: parameter, in: "query", required: false, schema }));
	const content = (schema: Schema): unknown => ({ "application/json": { schema } });
	return {
		operationId: name,
		summary: route.summary,
		...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
		...(operation.body === undefined ? {} : { requestBody: { required: true, content: content(ref(operation.body)) } }),
		responses: {
			...(operation.body === undefined ? { 200: { description: "OK", ...answerContent(operation) } } : { 204: { description: "Taken" } }),
			default: { description: "Refused", content: content(ref("Error")) },
		},
	};
}

function answerContent({ mediaType, answer }: Operation): Readonly<Record<string, unknown>> {
	if (mediaType === null) return {};
	if (mediaType !== undefined) return { content: { [mediaType]: { schema: text } } };
	return { content: { "application/json": { schema: answer === undefined ? { type: "object" } : ref(answer) } } };
}
