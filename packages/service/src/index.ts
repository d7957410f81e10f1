export * from "./crypto/native.js";
export * from "./http/server.js";
export * from "./program/program.js";
export * from "./store/store.js";
