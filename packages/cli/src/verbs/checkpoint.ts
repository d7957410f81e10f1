/** Verbs of `freehold checkpoint`. */
import type { Command } from "commander";
import type { Act } from "../main.js";

export function addCheckpointVerbs(program: Command, act: Act, collect: (value: string, before: readonly string[]) => readonly string[]): void {
	program
		.command("checkpoint")
		.description("whom you trust to order blocks")
		.command("update")
		.description("a newer checkpoint of one that you trust, by a light client; one of several validators is good for a week")
		.option("--checkpoint <file>", "what is trusted: a checkpoint file or a network.json (default: checkpoint.json of the data folder)")
		.option("--trust <height:hash>", "instead, a block that somebody vouches for whom you trust")
		.option("--witness <url>", "JSON-RPC of another ledger that has to agree; once for each", collect, [])
		.option("--rpc-url <url>", "JSON-RPC of the ledger that is asked, where there is no network.json")
		.option("--out <file>", "where to write it (default: checkpoint-HEIGHT.json)")
		.action(act(async () => (await import("../commands/checkpoint.js")).update));
}
