export * from "./settle.js";
