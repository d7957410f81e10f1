export { type BlockSource, type ConflictingBlocks, LightClient, type LightClientOptions, LightError, type LightFault } from "./light-client.js";
export { judgeStep, type LightTrust, type StepVerdict } from "./step.js";
