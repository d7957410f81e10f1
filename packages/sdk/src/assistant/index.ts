/** `@freehold/sdk/assistant`: what a model may call to answer about this network. Each tool runs where the conversation is held. */

export { type Passage, searchDocumentation } from "./documentation.js";
export { SumError, workOut } from "./sum.js";
export { type AssistantTool, type NetworkReader, networkTools, offerOf, runTool } from "./tools.js";
