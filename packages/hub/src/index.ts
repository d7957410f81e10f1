export { hubProgram } from "./program.js";
