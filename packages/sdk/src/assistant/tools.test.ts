import { FreeholdError, type ModelBody, parseModelName } from "@freehold/protocol";
import { describe, expect, it } from "vitest";
import { type NetworkReader, networkTools, offerOf, runTool } from "./tools.js";

const OWNER = `0x${"1".repeat(40)}`;
const latest = { perCall: "20000000000000000", perInputUnit: "0", perOutputUnit: "1000000000000000" };
const network: NetworkReader = {
	async show(model) {
		if (parseModelName(model) === undefined) throw new FreeholdError("request.invalid", { field: "model", reason: "must be namespace/name" });
		if (model === "ana/gone") return { owner: OWNER } as ModelBody;
		if (model !== "ana/first") throw new FreeholdError("model.notFound", { model });
		return { owner: OWNER, latest } as ModelBody;
	},
	list: async ({ limit }) => ({ models: [{ model: "ana/first" }, { model: "ben/second" }].slice(0, limit) }),
};
const tools = networkTools(network);
const run = (name: string, values: unknown): Promise<string> =>
	runTool(tools, name, typeof values === "string" ? values : JSON.stringify(values), new AbortController().signal);

describe("a tool that a model calls", () => {
	it.each([
		["calculate", { expression: "17 * 23" }, "391"],
		["model_price", { model: " ana/first " }, "0.02 OPG per call and 0.001 OPG per unit out"],
		["model_price", { model: "ana/gone" }, "ana/gone is retired."],
		["model_owner", { model: "ana/first" }, OWNER],
		["list_models", "", "ana/first, ben/second"],
	])("%s of %j gives %s", async (name, values, result) => expect(await run(name, values)).toBe(result));

	it("search_docs quotes pages under their headings", async () => {
		expect(await run("search_docs", { query: "till" })).toMatch(/^.+: .*till/i);
		expect(await run("search_docs", { query: "zyxwvqk" })).toBe("No results.");
	});

	it.each([
		["model_price", { model: "nobody/none" }, /^It did not work: There is no model nobody\/none/],
		["model_owner", { model: "no name" }, /^It did not work: There is no model no name/],
		["calculate", { expression: "alert(1)" }, /^It did not work: /],
		["calculate", "{", "It did not work: the arguments are no JSON"],
		["calculate", "[]", "It did not work: expression is missing"],
		["toString", {}, "There is no tool toString."],
	])("%s of %j says what is wrong", async (name, values, said) => expect(await run(name, values)).toMatch(said));

	it("gives at most what a small window bears", async () => {
		const long = { show: network.show, list: async () => ({ models: [{ model: "x".repeat(9_000) }] }) };
		expect(await runTool(networkTools(long), "list_models", "{}", new AbortController().signal)).toHaveLength(2_000);
	});

	it("passes on that it was stopped", async () => {
		const stopped = AbortSignal.abort(new Error("stopped"));
		const waiting = { ...network, show: async () => Promise.reject(new Error("cut off")) };
		await expect(runTool(networkTools(waiting), "model_owner", '{"model":"ana/first"}', stopped)).rejects.toThrow("cut off");
	});
});

it("is offered as a function of texts", () => {
	expect(offerOf(tools).find(({ name }) => name === "model_price")).toEqual({
		name: "model_price",
		description: "Price of a model.",
		parameters: { type: "object", properties: { model: { type: "string" } }, required: ["model"] },
		strict: false,
	});
});
