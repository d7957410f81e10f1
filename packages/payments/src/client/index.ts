export * from "./channel-payer.js";
export * from "./lane.js";
