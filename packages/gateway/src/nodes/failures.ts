/** What a failed order says: of the node (another one may do better), of the moment (the same one may do better soon), or of the request (nobody will). */
import { type ErrorCode, FreeholdError } from "@freehold/protocol";

export interface NodeFailure {
	/** How long the same order is worth sending to the same node again, in milliseconds. */
	readonly patienceMs: number;
	/** The node may have run the order although no answer came: it is asked again before another node gets the call. */
	readonly mayHaveRun: boolean;
}

const until = Number.POSITIVE_INFINITY;

const failures: Partial<Record<ErrorCode, NodeFailure>> = {
	"network.down": { patienceMs: until, mayHaveRun: false },
	"service.starting": { patienceMs: until, mayHaveRun: false },
	"service.stopping": { patienceMs: until, mayHaveRun: false },
	"engine.busy": { patienceMs: until, mayHaveRun: false },
	"upstream.failed": { patienceMs: until, mayHaveRun: true },
	// A node that is a block behind does not know yet what the gateway knows.
	"model.notFound": { patienceMs: 2_000, mayHaveRun: false },
	"order.invalid": { patienceMs: 2_000, mayHaveRun: false },
	"order.unbacked": { patienceMs: 2_000, mayHaveRun: false },
	"upstream.timeout": { patienceMs: 0, mayHaveRun: true },
	"node.refused": { patienceMs: 0, mayHaveRun: true },
	"order.expired": { patienceMs: 0, mayHaveRun: false },
	"engine.unsupported": { patienceMs: 0, mayHaveRun: false },
	"blob.notFound": { patienceMs: 0, mayHaveRun: false },
	"blob.corrupt": { patienceMs: 0, mayHaveRun: false },
	"store.failed": { patienceMs: until, mayHaveRun: true },
	"store.full": { patienceMs: 0, mayHaveRun: false },
	internal: { patienceMs: 0, mayHaveRun: true },
};

/** Undefined: the failure is about the request, and any node would say the same. */
export function nodeFailure(error: unknown): NodeFailure | undefined {
	if (!(error instanceof FreeholdError)) return { patienceMs: 0, mayHaveRun: true };
	return failures[error.code];
}
