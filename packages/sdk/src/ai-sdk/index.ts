/** `@freehold/sdk/ai-sdk`: models of a network for Vercel's AI SDK (language model specification 3). Answers are paid and checked as everywhere. */
export { createFreeholdProvider, type FreeholdModelOptions, type FreeholdProvider } from "./provider.js";
