/** Verbs of `freehold validator`. */
import type { Command } from "commander";
import type { Act } from "../main.js";

export function addValidatorVerbs(program: Command, act: Act, collect: (value: string, before: readonly string[]) => readonly string[]): void {
	const validator = program.command("validator").description("several validators that order blocks together: keys, genesis, bonds");
	validator
		.command("init <home>")
		.description("make a validator's keys in CometBFT's folder, and show who it is")
		.requiredOption("--name <name>", "what the others call it")
		.option("--operator <address>", "whose bond it is from the first block on; without one the set of the genesis never changes")
		.option("--bond <opg>", "what the operator bonds in the genesis", "10000")
		.option("--chain-id <id>", "chain that the key is bonded on", "10741")
		.action(act(async () => (await import("../commands/validator.js")).init));
	validator
		.command("genesis")
		.description("the genesis that all validators share")
		.requiredOption("--genesis <file>", "the ledger's genesis file")
		.option("--member <file>", "what validator init showed; once for each", collect, [])
		.requiredOption("--out <file>", "where to write it")
		.action(act(async () => (await import("../commands/validator.js")).genesis));
	validator
		.command("join <home>")
		.description("begin from a snapshot of the peers instead of fetching every block")
		.requiredOption("--snapshot-from <urls>", "JSON-RPC of two engines or more, separated by commas")
		.requiredOption("--trust <height:hash>", "a block that is trusted, such as the checkpoint's")
		.action(act(async () => (await import("../commands/validator.js")).join));
	addStakeVerbs(validator, act);
}

function addStakeVerbs(validator: Command, act: Act): void {
	const onChain = (command: Command): Command => command.option("--rpc-url <url>", "JSON-RPC of a ledger, where there is no network.json");
	onChain(validator.command("bond <home>"))
		.description("become a validator with the key in CometBFT's folder; --account is the operator, who bonds")
		.requiredOption("--amount <opg>", "what the operator bonds")
		.option("--commission <percent>", "what it keeps of its delegators' rewards", "5")
		.action(act(async () => (await import("../commands/stake.js")).bond));
	onChain(validator.command("delegate <operator> <opg>"))
		.description("stand behind a validator: earn with it and answer for it")
		.action(act(async () => (await import("../commands/stake.js")).delegate));
	onChain(validator.command("unbond [opg]"))
		.description("give notice: take the stake, or a part of it, out after the network's delay")
		.option("--from <operator>", "whose validator (default: the account's own)")
		.action(act(async () => (await import("../commands/stake.js")).unbond));
	onChain(validator.command("withdraw"))
		.description("take out what has waited long enough")
		.option("--to <account>", "who gets it (default: the account)")
		.action(act(async () => (await import("../commands/stake.js")).withdraw));
	onChain(validator.command("claim [operators...]"))
		.description("take out rewards and commission")
		.option("--to <account>", "who gets it (default: the account)")
		.action(act(async () => (await import("../commands/stake.js")).claim));
	onChain(validator.command("unjail"))
		.description("come back after an absence that cost the place")
		.action(act(async () => (await import("../commands/stake.js")).unjail));
	onChain(validator.command("status [operator]"))
		.description("the set and its candidates; with an operator that one in full")
		.action(act(async () => (await import("../commands/stake.js")).status));
}
