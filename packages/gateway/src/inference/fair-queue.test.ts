import { describe, expect, it } from "vitest";
import { FairQueue } from "./fair-queue.js";

const never = new AbortController().signal;

describe("payers who wait", () => {
	it("take turns, however much one of them asks", async () => {
		const queue = new FairQueue({ places: 1, waiting: 100, waitingEach: 100 });
		const served: string[] = [];
		const leave = await queue.enter("first", never);
		const calls = ["a", "a", "a", "a", "b", "c", "b"].map(async (payer) => {
			const end = await queue.enter(payer, never);
			served.push(payer);
			end();
		});
		leave();
		await Promise.all(calls);
		expect(served).toEqual(["a", "b", "c", "a", "b", "a", "a"]);
	});

	it("are refused when too many wait, of one or of all", async () => {
		const queue = new FairQueue({ places: 1, waiting: 3, waitingEach: 2 });
		const leave = await queue.enter("x", never);
		const waiting = [queue.enter("a", never), queue.enter("a", never)];
		await expect(queue.enter("a", never)).rejects.toMatchObject({ code: "gateway.overloaded" });
		waiting.push(queue.enter("b", never));
		await expect(queue.enter("c", never)).rejects.toMatchObject({ code: "gateway.overloaded" });
		leave();
		await Promise.all(waiting.map(async (place) => (await place)()));
		(await queue.enter("c", never))();
	});

	it("give their place in the line back when they leave", async () => {
		const queue = new FairQueue({ places: 1, waiting: 1, waitingEach: 1 });
		const leave = await queue.enter("x", never);
		const gone = new AbortController();
		const waiting = queue.enter("a", gone.signal);
		gone.abort();
		await expect(waiting).rejects.toMatchObject({ code: "request.aborted" });
		const next = queue.enter("b", never);
		leave();
		(await next)();
	});
});
