/** The ledger as a process of its own, for tests that kill it. Arguments and environment are the program's. */
import { runProgram } from "@freehold/service";
import { ledgerProgram } from "../dist/index.js";

process.exitCode = await runProgram(ledgerProgram, process.argv.slice(2), process.env);
