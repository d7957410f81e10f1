export * from "./channel/channel.js";
export * from "./price/price.js";
export * from "./split/split.js";
export * from "./x402/messages.js";
export * from "./x402/reasons.js";
