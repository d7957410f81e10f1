/** Verbs of owning: what becomes of a model, a namespace, a common account; certificates. */
import type { Command } from "commander";
import type { Act } from "../main.js";

const AS = ["--as <account>", "agree to it as a member of this common account"] as const;

/** Verbs of `freehold model` that change what is owned. */
export function addOwnVerbs(model: Command, act: Act): void {
	model
		.command("price <model> [opg]")
		.description("set the price of future calls (a rise takes effect after an hour); without an amount, every version of it")
		.option("--price-input <opg>", "price of one input unit", "0")
		.option("--price-output <opg>", "price of one output unit", "0")
		.option(...AS)
		.action(act(async () => (await import("../commands/own.js")).price));
	model
		.command("terms <model>")
		.description("what models made from it must give it, and its licence")
		.option("--child-price <opg>", "also say which share a model at this price must give")
		.action(act(async () => (await import("../commands/own.js")).terms));
	model
		.command("licence <model>")
		.description("the licence's text, as it is shown before the first paid call")
		.option("--accept", "sign that the account accepts it; proxy and mcp use what was accepted")
		.action(act(async () => (await import("../commands/own.js")).licence));
	model
		.command("transfer <model> <account>")
		.description("give the model away: past income stays yours, future income is theirs")
		.option(...AS)
		.action(act(async () => (await import("../commands/own.js")).transfer));
	model
		.command("retire <model>")
		.description("stop serving a release; what was proved stays proved")
		.option(...AS)
		.action(act(async () => (await import("../commands/own.js")).retire));
	model
		.command("compare <a> <b>")
		.description("whether two models share weights: releases, or ONNX files; what it shows and what it cannot")
		.action(act(async () => (await import("../commands/compare.js")).compare));
	model
		.command("certificate <model>")
		.description("a file that proves who published which bytes when")
		.option("--checkpoint <file>", "prove it from this checkpoint on (default: the network's)")
		.option("--out <file>", "where to write it")
		.action(act(async () => (await import("../commands/own.js")).certificate));
}

export function addOwnershipVerbs(program: Command, act: Act, collect: (value: string, before: readonly string[]) => readonly string[]): void {
	program
		.command("certificate")
		.description("certificates of publication")
		.command("verify <file>")
		.description("check a certificate; opens no network connection")
		.option("--checkpoint <file>", "a checkpoint file or a network.json (default: checkpoint.json of the data folder)")
		.option("--file <path>", "also say whether these bytes are a file of the release")
		.action(act(async () => (await import("../commands/certificate.js")).verify));

	const namespace = program.command("namespace").description("the names that models stand under");
	namespace
		.command("show <namespace>")
		.description("whose it is, and which others look like it")
		.action(act(async () => (await import("../commands/namespace.js")).show));
	namespace
		.command("claim <namespace>")
		.description("take a free namespace")
		.action(act(async () => (await import("../commands/namespace.js")).claim));
	namespace
		.command("transfer <namespace> <account>")
		.description("give a namespace away; the models in it keep their owners")
		.action(act(async () => (await import("../commands/namespace.js")).transfer));

	const coowners = program.command("coowners").description("models that belong to several people");
	coowners
		.command("open")
		.description("open a common account")
		.option("--member <account:shares>", "a member and their shares; once for each", collect, [])
		.option("--threshold <shares>", "shares that must agree to an act (default: more than half)")
		.action(act(async () => (await import("../commands/coowners.js")).open));
	coowners
		.command("show <account>")
		.description("members, shares, and what is due to whom")
		.action(act(async () => (await import("../commands/coowners.js")).show));
	coowners
		.command("pay <account>")
		.description("take in what the account earned and pay every member")
		.action(act(async () => (await import("../commands/coowners.js")).pay));
}
