export { type BlockSource, type ConflictingBlocks, LightClient, type LightClientOptions, LightError, type LightFault } from "./light-client.js";
export { judgeLightPath, type LightPathTrust, type LightPathVerdict, shortestPath } from "./light-path.js";
export { judgeStep, type LightTrust, type StepVerdict } from "./step.js";
