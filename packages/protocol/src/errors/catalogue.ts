/**
 * Every refusal that a user can meet: one table that code, HTTP, JSON-RPC and the documentation share.
 *
 * `fault` says whose doing it is, `retryable` whether the same request can succeed later without being changed.
 * Placeholders in `{braces}` are filled from the error's detail.
 */
export interface ErrorEntry {
	readonly status: number;
	readonly rpc: number;
	readonly retryable: boolean;
	readonly fault: "caller" | "owner" | "node" | "gateway" | "network";
	readonly message: string;
}

const entry = (status: number, fault: ErrorEntry["fault"], message: string, retryable = false, rpc = -32000): ErrorEntry => ({
	status,
	rpc,
	retryable,
	fault,
	message,
});

export const errorCatalogue = {
	"account.locked": entry(401, "caller", "The key of account {account} could not be opened: wrong passphrase."),
	"account.noFunds": entry(402, "caller", "{account} holds no OPG for the transaction's fee. On a development network: freehold faucet --account NAME"),
	"account.notFound": entry(404, "caller", "There is no account named {account}. Make one with: freehold wallet create {account}"),
	"account.required": entry(401, "caller", "This needs an account that signs; connect with one."),
	"answer.refused": entry(
		502,
		"gateway",
		"The answer was paid for and does not stand up to its own receipt ({check}): {reason}. Keep the receipt file: it is evidence.",
	),
	"blob.busy": entry(429, "node", "{waiting} uploads are in progress already. Try again shortly.", true),
	"blob.corrupt": entry(500, "node", "The stored bytes of blob {id} do not match their name.", true),
	"blob.notFound": entry(404, "caller", "There is no blob {id} here."),
	"blob.tooLarge": entry(413, "caller", "The blob is larger than {limit} bytes."),
	"blob.mismatch": entry(422, "caller", "The bytes received hash to {actual}, not to {expected}."),
	"call.notFound": entry(404, "caller", "There is no call {callId} at this gateway."),
	"channel.notFound": entry(404, "caller", "There is no channel {channelId} at this gateway."),
	"chain.forked": entry(409, "network", "Block {number} has hash {actual}, not {expected}: this is another chain than the one followed so far."),
	"chain.nonceTaken": entry(409, "caller", "Another transaction of {account} used nonce {nonce}: transaction {key} can no longer be included."),
	"chain.overloaded": entry(429, "caller", "{count} transactions of {account} are waiting for a block already.", true),
	"chain.reverted": entry(422, "caller", "The chain refused the transaction: {reason}"),
	"chain.timeout": entry(504, "network", "The transaction was not included within {seconds} s.", true),
	"chain.wrongNetwork": entry(409, "caller", "The network has chain id {actual}, not {expected}."),
	"config.invalid": entry(400, "caller", "Option {option}: {reason}"),
	"engine.busy": entry(429, "node", "{waiting} calls wait for an engine already. Try again shortly.", true),
	"engine.crashed": entry(502, "owner", "The model's process ended unexpectedly ({reason})."),
	"engine.failed": entry(422, "caller", "The model failed on this input: {reason}"),
	"engine.inputInvalid": entry(400, "caller", "Input {input}: expected {expected}, given {given}."),
	"engine.modelInvalid": entry(422, "owner", "The model file is refused: {reason}"),
	"engine.outOfMemory": entry(502, "owner", "The model used more than {limit} bytes of memory."),
	"engine.quarantined": entry(503, "owner", "The model brought its engine down {count} times in a row. It is tried again in {seconds} s.", true),
	"engine.timeout": entry(504, "owner", "The model ran longer than {seconds} s."),
	"engine.unsupported": entry(422, "owner", "The model cannot run in mode {mode}: {reason}"),
	"faucet.limit": entry(429, "caller", "The faucet gives {limit} OPG to one address in an hour.", true),
	"faucet.unavailable": entry(403, "caller", "The faucet runs on development networks only."),
	"gateway.untrusted": entry(502, "gateway", "The gateway is not believed: {reason}"),
	"gateway.overloaded": entry(429, "gateway", "Too many calls are waiting. Try again in {seconds} s.", true),
	"idempotency.conflict": entry(409, "caller", "Idempotency-Key {key} was used with another request."),
	internal: entry(500, "gateway", "Something failed on our side (reference {reference}).", true),
	"key.dailyLimit": entry(
		429,
		"caller",
		"The API key may spend {daily} OPG a day and has {left} left today; the call can cost {needed}. Try again in {seconds} s.",
		true,
	),
	"key.exists": entry(409, "caller", "This API key exists already."),
	"key.expired": entry(401, "caller", "The API key expired at {time}. Make a new one with: freehold key create --budget OPG"),
	"key.modelForbidden": entry(403, "caller", "The API key is not for {model}; it may ask {models}."),
	"key.notFound": entry(404, "caller", "There is no API key {key} at this gateway."),
	"key.overBudget": entry(
		402,
		"caller",
		"The API key has {left} OPG of its budget left; the call can cost {needed}. Ask for a shorter answer, or make a key with a larger budget: freehold key create --budget OPG",
	),
	"key.revoked": entry(401, "caller", "The API key has been revoked by its owner."),
	"key.trancheSpent": entry(
		402,
		"caller",
		"The API key's owner has signed for {left} OPG more; the call can cost {needed}. The owner signs the next tranche with: freehold key refill {key}",
	),
	"key.unknown": entry(401, "caller", "This API key is not known here. Make one with: freehold key create --budget OPG"),
	"model.exists": entry(409, "caller", "{model} exists already, with another content. Releases never change: publish the next one with another --release"),
	"model.notFound": entry(404, "caller", "There is no model {model}."),
	"model.notOwner": entry(403, "caller", "{account} does not own {model}."),
	"model.retired": entry(410, "owner", "Release {release} has been retired by its owner."),
	"namespace.taken": entry(409, "caller", "The namespace {namespace} belongs to {owner}."),
	"network.down": entry(503, "network", "{what} does not answer at {url}. Is the network running? Start it with: npm start", true),
	"node.refused": entry(502, "node", "The node refused the order: {reason}"),
	"node.unavailable": entry(503, "network", "No bonded node can serve release {release} now.", true),
	"order.conflict": entry(409, "gateway", "The order differs from an earlier one with the same call id."),
	"order.expired": entry(409, "gateway", "The order's deadline has passed."),
	"order.invalid": entry(400, "gateway", "The order is refused: {reason}"),
	"payment.declined": entry(402, "caller", "Nothing was paid: the call needs {amount} OPG in a channel. Agree when asked, or run again with --yes"),
	"order.unbacked": entry(
		429,
		"gateway",
		"The gateway owes {owed} for calls that no batch has paid, its bond covers {limit}. It is served again once it has anchored.",
		true,
	),
	"payment.expired": entry(402, "caller", "The payment's validity has ended."),
	"payment.insufficient": entry(402, "caller", "The payment allows {given}, the call costs {needed}."),
	"payment.invalid": entry(402, "caller", "The payment is refused: {reason}"),
	"payment.replayed": entry(409, "caller", "This payment has been used for another request."),
	"payment.required": entry(402, "caller", "This call must be paid: see the PAYMENT-REQUIRED header."),
	"publish.notServed": entry(
		504,
		"network",
		"{model} is published and yours, but the gateway could not offer it within {seconds} s ({reason}). Ask again with: freehold infer {model} --quote",
		true,
	),
	"request.aborted": entry(499, "caller", "The caller went away."),
	"request.invalid": entry(400, "caller", "{field}: {reason}"),
	"request.notFound": entry(404, "caller", "There is nothing at {path}."),
	"request.methodNotAllowed": entry(405, "caller", "{path} does not accept {method}."),
	"request.timeout": entry(408, "caller", "The request was not complete within {seconds} s.", true),
	"request.tooLarge": entry(413, "caller", "The request is larger than {limit} bytes."),
	"request.unsupportedMediaType": entry(415, "caller", "The content type must be {expected}."),
	"require.unavailable": entry(422, "network", "No node here can give evidence of kind {kind}."),
	"rpc.invalidParams": entry(400, "caller", "Invalid params: {reason}", false, -32602),
	"rpc.invalidRequest": entry(400, "caller", "Invalid request: {reason}", false, -32600),
	"rpc.methodNotFound": entry(404, "caller", "The method {method} does not exist/is not available", false, -32601),
	"rpc.parse": entry(400, "caller", "Parse error", false, -32700),
	"service.starting": entry(503, "network", "{service} is starting.", true),
	"service.stopping": entry(503, "network", "{service} is stopping.", true),
	"store.busy": entry(503, "gateway", "{waiting} transactions wait for the disk at {path} already.", true),
	"store.damaged": entry(500, "gateway", "A record of the store is damaged; the disk or a program that wrote there has failed."),
	"store.full": entry(507, "gateway", "The disk is full: {path}", true),
	"store.locked": entry(409, "caller", "{path} is in use by process {pid}."),
	"upload.incomplete": entry(
		409,
		"caller",
		"Upload {upload} lacks {missing} parts. Ask for them with GET /v1/uploads/{upload}, send them, and complete it again.",
		true,
	),
	"upload.notFound": entry(404, "caller", "There is no upload {upload} here. Begin it again; parts that nobody added to for {hours} h are thrown away."),
	"text.brokenOff": entry(502, "node", "The answer broke off after {pieces} pieces ({reason}); {charge} OPG was charged for them. Asking again works.", true),
	"upstream.failed": entry(502, "network", "{what} answered with an error: {reason}", true),
	"upstream.timeout": entry(504, "network", "{what} did not answer within {seconds} s.", true),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
