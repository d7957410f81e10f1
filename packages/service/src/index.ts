export * from "./crypto/key-file.js";
export { createDigestSigner, type DigestSigner, generatePrivateKey, nativeCrypto, secp256k1Kind } from "./crypto/native.js";
export { errorResponse, jsonResponse, toFreeholdError } from "./http/responses.js";
export * from "./http/server.js";
export * from "./net/atomic-file.js";
export * from "./program/program.js";
export * from "./store/store.js";
