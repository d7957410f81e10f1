/** What a model may call to answer about this network: sums, look-ups at the hub, and this project's own pages. */
import { FreeholdError, formatOpg, type ModelBody, type TextTool } from "@freehold/protocol";
import { type Passage, searchDocumentation } from "./documentation.js";
import { workOut } from "./sum.js";

/** How the tools look at the network. `freehold.models` is one; the page has its own. */
export interface NetworkReader {
	/** Throws `model.notFound`. */
	readonly show: (model: string, options: { readonly signal: AbortSignal }) => Promise<ModelBody>;
	readonly list: (options: { readonly sort: "newest"; readonly limit: number; readonly signal: AbortSignal }) => Promise<{
		readonly models: readonly { readonly model: string }[];
	}>;
}

export interface AssistantTool {
	readonly name: string;
	readonly description: string;
	/** Names of its parameters, all texts, all required. */
	readonly parameters: readonly string[];
	readonly run: (values: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<string> | string;
}

const MODELS_LISTED = 10;
const PASSAGES = 2;
/** Characters of a result: small models have small windows. */
const MAX_RESULT = 2_000;

export function networkTools(network: NetworkReader): readonly AssistantTool[] {
	return [
		{ name: "calculate", description: "Work out a sum.", parameters: ["expression"], run: ({ expression = "" }) => workOut(expression) },
		{
			name: "model_price",
			description: "Price of a model.",
			parameters: ["model"],
			run: async ({ model = "" }, signal) => {
				const { latest } = await showModel(network, model, signal);
				return latest === undefined ? `${model} is retired.` : priceText(latest);
			},
		},
		{
			name: "model_owner",
			description: "Owner of a model.",
			parameters: ["model"],
			run: async ({ model = "" }, signal) => (await showModel(network, model, signal)).owner,
		},
		{
			name: "list_models",
			description: "List the models.",
			parameters: [],
			run: async (_, signal) => (await network.list({ sort: "newest", limit: MODELS_LISTED, signal })).models.map(({ model }) => model).join(", "),
		},
		{
			name: "search_docs",
			description: "Search the documentation.",
			parameters: ["query"],
			run: async ({ query = "" }) => passagesText(await searchDocumentation(query, PASSAGES)),
		},
	];
}

/** The tools as a request names them. */
export function offerOf(tools: readonly AssistantTool[]): readonly TextTool[] {
	return tools.map(({ name, description, parameters }) => ({
		name,
		description,
		parameters: {
			type: "object",
			properties: Object.fromEntries(parameters.map((parameter) => [parameter, { type: "string" }])),
			required: [...parameters],
		},
		strict: false,
	}));
}

/**
 * The result of a call as text of at most 2,000 characters. Does not throw but when `signal` aborts: a tool that failed says so.
 *
 * @param argumentsText JSON as the model wrote it.
 */
export async function runTool(tools: readonly AssistantTool[], name: string, argumentsText: string, signal: AbortSignal): Promise<string> {
	const tool = tools.find((candidate) => candidate.name === name);
	if (tool === undefined) return `There is no tool ${name.slice(0, 50)}.`;
	try {
		return (await tool.run(valuesOf(argumentsText, tool.parameters), signal)).slice(0, MAX_RESULT);
	} catch (error) {
		if (signal.aborted) throw error;
		return `It did not work: ${error instanceof Error ? error.message : "unknown"}`.slice(0, MAX_RESULT);
	}
}

function valuesOf(text: string, parameters: readonly string[]): Readonly<Record<string, string>> {
	let value: unknown;
	try {
		value = JSON.parse(text === "" ? "{}" : text);
	} catch {
		throw new Error("the arguments are no JSON");
	}
	const source = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
	return Object.fromEntries(
		parameters.map((parameter) => {
			const given = source[parameter];
			if (typeof given !== "string" && typeof given !== "number") throw new Error(`${parameter} is missing`);
			return [parameter, String(given)];
		}),
	);
}

/** What no model can be called is none that exists: the same words for both. */
async function showModel(network: NetworkReader, model: string, signal: AbortSignal): Promise<ModelBody> {
	try {
		return await network.show(model.trim(), { signal });
	} catch (error) {
		if (error instanceof FreeholdError && error.code === "request.invalid") throw new FreeholdError("model.notFound", { model: model.slice(0, 100) });
		throw error;
	}
}

function priceText({ perCall, perInputUnit, perOutputUnit }: NonNullable<ModelBody["latest"]>): string {
	const parts = [
		[perCall, "call"],
		[perInputUnit, "unit in"],
		[perOutputUnit, "unit out"],
	].flatMap(([amount = "0", unit]) => (amount === "0" ? [] : [`${formatOpg(BigInt(amount))} OPG per ${unit}`]));
	return parts.length === 0 ? "nothing" : parts.join(" and ");
}

function passagesText(passages: readonly Passage[]): string {
	return passages.length === 0 ? "No results." : passages.map(({ title, text }) => `${title}: ${text}`).join("\n");
}
