export { type BatchPayload, type Deposit, type ExactPayload, readBatchPayload, readExactPayload } from "../x402/payloads.js";
export * from "./authorization.js";
export * from "./offer.js";
export * from "./responses.js";
export * from "./voucher.js";
