/** `POST /v1/embeddings` (OpenAI API reference, "Create embeddings"). */
import { FreeholdError, limits, toBase64 } from "@freehold/protocol";
import type { Asked, Dialect } from "../dialect.js";
import { asInteger, asOneOf, asText, invalid, maybe, readBody } from "../fields/reader.js";
import { fieldTables } from "../fields/tables.js";
import { openaiError, readModel } from "./wire.js";

const fields = fieldTables["POST /v1/embeddings"];

export const embeddings: Dialect = {
	fields,
	refusal: openaiError,
	read(body): Asked {
		const source = readBody(body, fields);
		const encoding = maybe(source["encoding_format"], (value) => asOneOf(value, "encoding_format", ["float", "base64"]), "float");
		const dimensions = maybe(source["dimensions"], (value) => asInteger(value, "dimensions", 1, limits.embeddingDimensions), undefined);
		return {
			model: readModel(source),
			request: { task: "embedding", inputs: readInput(source["input"]), ...(dimensions === undefined ? {} : { dimensions }) },
			stream: false,
			openEnded: false,
			writer: {
				whole: (answer, { model, inputTokens }) => ({
					object: "list",
					data: (answer.task === "embedding" ? answer.vectors : []).map((vector, index) => ({
						object: "embedding",
						index,
						embedding: encoding === "base64" ? toBase64(vector) : floatsOf(vector),
					})),
					model,
					usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
				}),
				stream: () => {
					throw new FreeholdError("request.invalid", { field: "stream", reason: "embeddings come whole" });
				},
			},
		};
	},
};

function readInput(value: unknown): readonly string[] {
	const inputs = typeof value === "string" ? [value] : value;
	if (!Array.isArray(inputs) || inputs.length === 0) throw invalid("input", "must be a text or a list of texts");
	if (inputs.length > limits.embeddingInputs) throw invalid("input", `must have at most ${limits.embeddingInputs} texts`, limits.embeddingInputs);
	return inputs.map((input: unknown, index) => {
		const field = typeof value === "string" ? "input" : `input[${index}]`;
		if (typeof input !== "string") throw invalid(field, "must be a text: token numbers differ between models");
		if (input === "") throw invalid(field, "must not be empty");
		return asText(input, field, limits.textChars);
	});
}

function floatsOf(vector: Uint8Array): readonly number[] {
	const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
	return Array.from({ length: Math.floor(vector.length / 4) }, (_, index) => view.getFloat32(index * 4, true));
}
