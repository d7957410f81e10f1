/** `@freehold/dialects`: the wires of other systems' clients, to and from the protocol's own form. Pure, and safe in browsers. */
export { countTokens, messages } from "./anthropic/messages.js";
export {
	type AnswerBegin,
	type AnswerEnd,
	type AnswerWriter,
	type Asked,
	type Dialect,
	type ReadContext,
	receiptComment,
	type StreamWriter,
} from "./dialect.js";
export { type Field, type FieldTable, fieldTables } from "./fields/tables.js";
export { chatCompletions } from "./openai/chat.js";
export { completions } from "./openai/completions.js";
export { embeddings } from "./openai/embeddings.js";
export { type ListedModel, modelBody, modelListBody } from "./openai/models.js";
export { responses } from "./openai/responses.js";
export { openaiError } from "./openai/wire.js";
