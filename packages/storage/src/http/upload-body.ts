/** The body of an upload, and what became of its sender. */
import { FreeholdError } from "@freehold/protocol";
import type { HttpRequest } from "@freehold/service";

/** A refused upload is not destroyed: its sender must be able to read the refusal. */
export function contentOf(request: HttpRequest): AsyncIterable<Uint8Array> {
	return request.stream.iterator({ destroyOnReturn: false });
}

/** A sender who went away in the middle is told apart from a failure of ours. */
export function goneWith(request: HttpRequest): (error: unknown) => never {
	return (error) => {
		const gone = !(error instanceof FreeholdError) && request.stream.readableAborted;
		throw gone ? new FreeholdError("request.aborted", {}, { cause: error }) : error;
	};
}
