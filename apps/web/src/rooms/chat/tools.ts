/** What a model may call here, each run in this tab: sums, and look-ups at this network's hub. Whatever goes wrong is said to the model in words. */
import { FreeholdError, formatOpg, type ModelBody, type ModelListBody, parseModelName, type TextTool } from "@freehold/protocol";
import { askJson } from "../../network/ask.js";
import { workOut } from "./sum.js";

const HUB = "The hub";
const MODELS_LISTED = 10;
const MAX_RESULT = 2_000;

interface PageTool {
	readonly description: string;
	/** Names of its parameters, all texts, all required. */
	readonly parameters: readonly string[];
	readonly run: (values: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<string> | string;
}

const pageTools: Readonly<Record<string, PageTool>> = {
	calculate: { description: "Work out a sum.", parameters: ["expression"], run: ({ expression = "" }) => workOut(expression) },
	model_price: {
		description: "Price of a model.",
		parameters: ["model"],
		run: async ({ model = "" }, signal) => {
			const { latest } = await readModel(model, signal);
			return latest === undefined ? `${model} is retired.` : priceText(latest);
		},
	},
	model_owner: { description: "Owner of a model.", parameters: ["model"], run: async ({ model = "" }, signal) => (await readModel(model, signal)).owner },
	list_models: {
		description: "List the models.",
		parameters: [],
		run: async (_, signal) => {
			const { models } = (await askJson(`/api/hub/v1/models?limit=${MODELS_LISTED}&sort=newest`, { what: HUB, signal })) as ModelListBody;
			return models.map(({ model }) => model).join(", ");
		},
	},
};

export const offeredTools: readonly TextTool[] = Object.entries(pageTools).map(([name, { description, parameters }]) => ({
	name,
	description,
	parameters: { type: "object", properties: Object.fromEntries(parameters.map((parameter) => [parameter, { type: "string" }])), required: [...parameters] },
	strict: false,
}));

/** The result of a call as text. Does not throw but when `signal` aborts: a tool that failed says so. */
export async function runTool(name: string, argumentsText: string, signal: AbortSignal): Promise<string> {
	const tool = Object.hasOwn(pageTools, name) ? pageTools[name] : undefined;
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

async function readModel(model: string, signal: AbortSignal): Promise<ModelBody> {
	const parsed = parseModelName(model.trim());
	if (parsed === undefined) throw new FreeholdError("model.notFound", { model: model.slice(0, 100) });
	return (await askJson(`/api/hub/v1/models/${parsed.namespace}/${parsed.name}`, { what: HUB, signal })) as ModelBody;
}

function priceText({ perCall, perInputUnit, perOutputUnit }: NonNullable<ModelBody["latest"]>): string {
	const parts = [
		[perCall, "call"],
		[perInputUnit, "unit in"],
		[perOutputUnit, "unit out"],
	].flatMap(([amount = "0", unit]) => (amount === "0" ? [] : [`${formatOpg(BigInt(amount))} OPG per ${unit}`]));
	return parts.length === 0 ? "nothing" : parts.join(" and ");
}
