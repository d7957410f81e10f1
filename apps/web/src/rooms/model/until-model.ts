/** After a transaction of the owner's: waits until the hub tells of it, so that the room shows what the chain has. */
import type { ModelBody } from "@freehold/protocol";
import type { QueryClient } from "@tanstack/react-query";
import { modelQuery } from "../../network/queries.js";

const DEADLINE_MS = 15_000;
const PAUSE_MS = 250;

/** Gives up without a fault at the deadline: the chain has it, and the room asks again by itself. */
export async function untilModel(client: QueryClient, model: string, holds: (body: ModelBody) => boolean): Promise<void> {
	const deadline = performance.now() + DEADLINE_MS;
	while (performance.now() < deadline) {
		const body = await client.fetchQuery({ ...modelQuery(model), staleTime: 0 }).catch(() => undefined);
		if (body !== undefined && holds(body)) return;
		await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
	}
}
