/** Every HTTP route of every program: one table that servers, clients and documentation share. `:name` stands for one path segment. */
export interface Route {
	readonly method: "GET" | "HEAD" | "POST" | "PUT";
	readonly path: string;
	readonly summary: string;
}

const route = <const R extends Route>(method: R["method"], path: R["path"], summary: string): Route => ({ method, path, summary });

/** Served by every program. */
export const commonRoutes = {
	health: route("GET", "/health", "The process is alive."),
	ready: route("GET", "/ready", "The service can do its work: 200, or 503 with what is missing."),
	metrics: route("GET", "/metrics", "Prometheus metrics."),
} as const;

export const ledgerRoutes = {
	rpc: route("POST", "/", "JSON-RPC 2.0, batches included; the same path takes WebSocket connections."),
} as const;

export const gatewayRoutes = {
	root: route("GET", "/", "What runs here, for people."),
	network: route("GET", "/network.json", "The network's description."),
	inference: route("POST", "/v1/inference", "Ask a model. Paid by x402."),
	inferenceRefund: route("GET", "/v1/inference", "Where x402 clients ask for a refund of their channel; without a payment, what a channel needs."),
	call: route("GET", "/v1/calls/:callId", "The receipt file of a call so far."),
	quote: route("GET", "/v1/quotes/:release", "Itemised price of a release."),
	channelTerms: route("GET", "/v1/channels", "The terms on which this gateway takes payment channels."),
	channel: route("GET", "/v1/channels/:channelId", "What this gateway knows of a payment channel."),
	channelRefund: route("POST", "/v1/channels/:channelId/refund", "Close a channel together: what is left goes back at once."),
	text: route("POST", "/v1/text", "Ask a language model in the protocol's own form. Paid by x402 or with an API key; `stream` answers line by line."),
	chatCompletions: route("POST", "/v1/chat/completions", "OpenAI: chat, as JSON or server-sent events."),
	completions: route("POST", "/v1/completions", "OpenAI: text completion."),
	embeddings: route("POST", "/v1/embeddings", "OpenAI: embeddings."),
	responses: route("POST", "/v1/responses", "OpenAI: responses, as JSON or server-sent events. Nothing is kept for a later request."),
	messages: route("POST", "/v1/messages", "Anthropic: messages, as JSON or server-sent events."),
	countTokens: route("POST", "/v1/messages/count_tokens", "Anthropic: input tokens of a request, without running it. Free."),
	textModels: route("GET", "/v1/models", "OpenAI: the language models that can be asked here."),
	textModel: route("GET", "/v1/models/:model", "OpenAI: one of them; its slash as `%2F`."),
	textModelByName: route("GET", "/v1/models/:namespace/:name", "The same, for clients that leave the slash as it is."),
	createKey: route("POST", "/v1/keys", "Make an API key that a lane of the owner's channel backs. Signed by the owner; the first tranche is paid by x402."),
	listKeys: route("POST", "/v1/keys/list", "The owner's API keys with what they spent. Signed by the owner."),
	key: route("GET", "/v1/keys/:key", "What an API key may spend and has spent, by its id."),
	refillKey: route("POST", "/v1/keys/:key/refill", "Back an API key with a further tranche: a voucher of the owner."),
	acceptLicences: route("POST", "/v1/keys/:key/licences", "Keep licences with an API key, each accepted and signed by its owner."),
	revokeKey: route("POST", "/v1/keys/:key/revoke", "End an API key at once. Signed by the owner."),
	faucet: route("POST", "/v1/faucet", "Development networks: money for trying."),
} as const;

export const nodeRoutes = {
	order: route("POST", "/v1/orders", "Run a signed order; the answer is the signed receipt. The same order gets the same answer."),
	settleOrder: route("POST", "/v1/orders/:digest/settle", "End a stream: the receipt for what its caller received."),
	keptOrders: route("POST", "/v1/orders/kept", "Orders of a gateway that this node has answered, with their receipts. Signed by the gateway."),
	countTokens: route("POST", "/v1/count-tokens", "Input tokens that a request to a language model would count, without running it."),
	engines: route("GET", "/v1/engines", "The engines of this node."),
} as const;

export const storageRoutes = {
	put: route("PUT", "/v1/blobs", "Store a blob (Walrus publisher)."),
	get: route("GET", "/v1/blobs/:blobId", "A blob by its Walrus id (Walrus aggregator)."),
	head: route("HEAD", "/v1/blobs/:blobId", "Size of a blob by its Walrus id."),
	getBySha256: route("GET", "/v1/blobs/by-sha256/:sha256", "A blob by its SHA-256."),
	headBySha256: route("HEAD", "/v1/blobs/by-sha256/:sha256", "Size of a blob by its SHA-256."),
	beginUpload: route("POST", "/v1/uploads", "Begin an upload in parts, or find it again: which parts are missing. The same plan is the same upload."),
	upload: route("GET", "/v1/uploads/:upload", "Which parts of an upload are missing."),
	putPart: route("PUT", "/v1/uploads/:upload/parts/:part", "Store one part, counted from 0; bytes with another digest than the plan's are refused."),
	completeUpload: route("POST", "/v1/uploads/:upload/complete", "Make the parts one blob; answers as storing it whole does."),
} as const;

export const hubRoutes = {
	models: route("GET", "/v1/models", "List and search models."),
	model: route("GET", "/v1/models/:namespace/:name", "A model with its releases, files and card."),
	release: route("GET", "/v1/releases/:release", "The model that a release belongs to."),
	card: route("GET", "/v1/releases/:release/card", "The README of a release, in Markdown."),
	diff: route("GET", "/v1/releases/:release/diff", "What changed since another release (`from`): files, schema, licence, parents, card."),
	lineage: route("GET", "/v1/releases/:release/lineage", "Ancestors and descendants of a release with their shares."),
	facets: route("GET", "/v1/facets", "Tasks, licences, formats and tags, with how many models have them."),
	atom: route("GET", "/feeds/releases.atom", "New releases as an Atom feed."),
	jsonFeed: route("GET", "/feeds/releases.json", "New releases as a JSON feed."),
	usage: route("GET", "/v1/models/:namespace/:name/usage", "Calls and money of a model by release and day."),
	earnings: route("GET", "/v1/earnings/:address", "What an owner earned, by model, reconciled with the chain."),
	calls: route("GET", "/v1/calls", "The latest anchored lines: release, calls, amounts and who got them."),
	namespace: route("GET", "/v1/namespaces/:namespace", "Who owns a namespace, and which others look like it."),
	nodes: route("GET", "/v1/nodes", "Operators with a bond and their last heartbeats."),
	heartbeat: route("POST", "/v1/heartbeats", "A node says that it is alive."),
	openapi: route("GET", "/openapi.json", "This interface as an OpenAPI document."),
} as const;
