/** Verbs of `freehold node`. */
import type { Command } from "commander";
import type { Act } from "../main.js";

export function addNodeVerbs(program: Command, act: Act): void {
	const node = program.command("node").description("offer a machine: run it, see what it earns, leave");
	node
		.command("run <role>")
		.description("run ledger, storage, inference, gateway or hub; --network FILE|URL joins a network; freehold node run <role> --help lists its options")
		.allowUnknownOption()
		.helpOption(false)
		.action(() => {});
	node
		.command("register <role>")
		.description("bond a machine for inference, or a gateway with its own till; --account is the operator of a node, and pays the bond of a gateway")
		.requiredOption("--endpoint <url>", "where others reach it")
		.option("--bond <opg>", "what its bond is brought up to", "500")
		.option("--node-fee <opg>", "what a node asks for a call", "0.05")
		.option("--node-data <dir>", "the machine's folder, as node run takes it with --data (default .freehold/<role>)")
		.action(act(async () => (await import("../commands/node.js")).register));
	node
		.command("status [operator]")
		.description("the nodes of the network and what each earned; with an operator or --account, one in full")
		.action(act(async () => (await import("../commands/node.js")).status));
	node
		.command("rotate [role]")
		.description("give a node, or the orders of a gateway, a new key; the old one ends, and what it signed stays provable")
		.option("--node-data <dir>", "the machine's folder (default .freehold/<role>; role: inference)")
		.option("--overlap <duration>", "how long the old key stays good, so that what it signed is anchored (default 60s, of a gateway 6m)")
		.action(act(async () => (await import("../commands/node.js")).rotate));
	node
		.command("unbond [opg]")
		.description("give notice: take the bond, or a part of it, out after the network's delay")
		.action(act(async () => (await import("../commands/node.js")).unbond));
	node
		.command("withdraw")
		.description("take out what is no longer bonded")
		.option("--to <account>", "who gets it (default: the account)")
		.action(act(async () => (await import("../commands/node.js")).withdraw));
}
