export { gatewayProgram } from "./program/gateway-program.js";
