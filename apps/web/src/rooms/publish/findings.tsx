/** What the file itself says, looked at in this tab. */
import { formatShape, type GgufModel, type OnnxModel } from "@freehold/protocol";
import type { ReactElement, ReactNode } from "react";
import { Facts } from "../../design/parts.js";
import { Note } from "../../design/states.js";
import { Count, Hash } from "../../design/values.js";
import { bytes, groups } from "../../format/amount.js";
import type { Inspected } from "./inspect-file.js";

type Rows = readonly (readonly [string, ReactNode])[];

export function Findings({ file }: { readonly file: Inspected }): ReactElement {
	const { format, facts, sha256, sizeBytes } = file;
	const common: Rows = [
		[
			"Size",
			<span key="s" data-exact={`${sizeBytes} bytes`}>
				{bytes(sizeBytes)}
			</span>,
		],
		["SHA-256", <Hash key="h" value={sha256} label="SHA-256" />],
		["Parameters", groups(facts.parameters)],
	];
	const [left, right] = format === "gguf" ? ggufRows(facts) : onnxRows(facts);
	return (
		<div className="rise mt-4 grid grid-cols-1 items-start gap-x-10 md:grid-cols-2" data-testid="findings">
			<Facts rows={[...common, ...left]} />
			<Facts rows={right} />
			{format === "onnx" && facts.random && (
				<Note tone="warn" className="mt-3 md:col-span-2">
					It draws random numbers, so two runs may differ. It can be asked, and never bit-exact.
				</Note>
			)}
		</div>
	);
}

function onnxRows({ producer, inputs, outputs }: OnnxModel): readonly [Rows, Rows] {
	const tensors = (verb: string, specs: OnnxModel["inputs"]): Rows =>
		specs.map(({ name, dtype, shape }) => [
			`${verb} ${name}`,
			<code key={name} className="font-mono text-fine">
				{dtype} {formatShape(shape)}
			</code>,
		]);
	return [[["Made by", `${producer.name || "unknown"} ${producer.version}`]], [...tensors("Takes", inputs), ...tensors("Gives", outputs)]];
}

const TASKS = { chat: "chat", completion: "go on with a text", embedding: "turn texts into vectors" } as const;

function ggufRows({ name, architecture, quantization, layers, contextTokens, tokenizer, abilities }: GgufModel): readonly [Rows, Rows] {
	return [
		[
			["Calls itself", name ?? "nothing"],
			["Weights", quantization],
		],
		[
			["Kind", `language model, ${architecture}, ${layers} layers`],
			["Can", abilities.tasks.map((task) => TASKS[task]).join(", ")],
			["Holds", <Count key="c" value={contextTokens} unit={["token", "tokens"]} />],
			["Knows", <Count key="t" value={tokenizer.tokens} unit={["token", "different tokens"]} />],
			["Calls tools", abilities.tools ? "yes" : "no"],
		],
	];
}
