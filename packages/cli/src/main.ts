/** The `freehold` command: its verbs, and the options that all of them share. Each verb's code is loaded when it is used. */
import { createRequire } from "node:module";
import { errorBody, FreeholdError } from "@freehold/protocol";
import { Command, CommanderError } from "commander";
import { type CommandContext, createContext, type GlobalOptions } from "./context.js";
import { roleCommand } from "./roles/role-command.js";
import { addCheckpointVerbs } from "./verbs/checkpoint.js";
import { addNodeVerbs } from "./verbs/node.js";
import { addOwnershipVerbs, addOwnVerbs } from "./verbs/ownership.js";
import { addValidatorVerbs } from "./verbs/validator.js";

const { version } = createRequire(import.meta.url)("../package.json") as { readonly version: string };
/** Exit status of a refusal, and of a command that was not understood. */
const REFUSED = 1;
const USAGE = 2;
/** As shells count a command that SIGINT ended. */
const INTERRUPTED = 130;

export type Action = (context: CommandContext, args: readonly string[], options: Readonly<Record<string, unknown>>) => Promise<number | undefined>;

/** Runs one command line. Resolves with the exit status. */
export async function run(argv: readonly string[]): Promise<number> {
	let status = 0;
	const stop = new AbortController();
	const act =
		(load: () => Promise<Action>) =>
		async (...received: unknown[]): Promise<void> => {
			const command = received.at(-1) as Command;
			const options = command.optsWithGlobals<GlobalOptions & Record<string, unknown>>();
			const context = createContext(options, process.env, stop.signal);
			try {
				const action = await load();
				status = (await action(context, command.args, options)) ?? 0;
			} catch (error) {
				status = report(context, error);
			}
		};

	const program = commandTree(act);
	const asked = roleCommand(argv);
	if (asked !== undefined) {
		// A role parses its own options, which are declared beside its code.
		const { runRole } = await import("./roles/run-role.js");
		return runRole(asked.role, asked.rest, process.env);
	}
	process.once("SIGINT", () => stop.abort(new FreeholdError("request.aborted")));
	try {
		await program.parseAsync(argv, { from: "user" });
	} catch (error) {
		if (!(error instanceof CommanderError)) throw error;
		return error.exitCode === 0 ? 0 : USAGE;
	}
	return status;
}

/** Makes the handler of a verb, whose code is loaded when it is used. */
export type Act = (load: () => Promise<Action>) => (...received: unknown[]) => Promise<void>;

/** Every command with its options; what they do is `act`'s. The reference page is made from it. */
export function commandTree(act: Act): Command {
	const program = new Command("freehold")
		.description("A network where AI models, the machines that run them and what they remember are property.")
		.option("--network <file|url>", "network.json of a network, or its gateway's address")
		.option("--account <name>", "account that signs: a name of the keystore, or dev-0 … dev-9 on a development network")
		.option("--data <dir>", "folder of the local network (default .freehold/local)")
		.option("--json", "one JSON value on standard output, progress on standard error")
		.option("--yes", "answer questions with yes")
		.option("--quiet", "results and errors only")
		.version(version)
		.showHelpAfterError("(freehold --help lists the commands)")
		.exitOverride();
	addCommands(program, act);
	return program;
}

function addCommands(program: Command, act: Act): void {
	const network = (command: Command): Command =>
		command
			.option("--port-base <port>", "first of the network's ports (default 8545)")
			.option("--validators <n>", "who order blocks: 1 is the embedded sequencer, more run CometBFT (default: what the folder has, or 1)")
			.option("--batch-age <ms>", "age at which a batch of calls is anchored")
			.option("--trace-url <url>", "collector (OTLP over HTTP) that traces of calls are sent to")
			.option("--log-size <size>", "size at which a process's log is turned over; one older file is kept (default 64MiB)");
	network(program.command("up").description("start the local network and stay with it")).action(act(async () => (await import("./commands/up.js")).up));
	program
		.command("down")
		.description("stop the local network")
		.action(act(async () => (await import("./commands/network.js")).down));
	program
		.command("status")
		.description("what runs, and how it is")
		.action(act(async () => (await import("./commands/status.js")).status));
	program
		.command("logs [process]")
		.description("the log of a process, or the names of all")
		.option("--lines <n>", "how many of the last lines", "100")
		.option("--call <id>", "instead, one call through all logs, up to its block")
		.action(act(async () => (await import("./commands/logs.js")).logs));
	program
		.command("doctor")
		.description("find what is wrong and say what to do")
		.option("--port-base <port>", "first of the ports that a network would take (default 8545)")
		.action(act(async () => (await import("./commands/doctor.js")).doctor));
	network(program.command("demo").description("two owners get paid for a model, and anyone can check it")).action(
		act(async () => (await import("./demo/demo.js")).demo),
	);
	program
		.command("faucet")
		.description("development networks: money for trying")
		.option("--amount <opg>", "how much", "100")
		.action(act(async () => (await import("./commands/wallet.js")).faucet));

	const wallet = program.command("wallet").description("keys and balances");
	wallet
		.command("create <name>")
		.description("make a key and keep it encrypted")
		.action(act(async () => (await import("./commands/wallet.js")).create));
	wallet
		.command("import <name>")
		.description("keep a key that you have: a keystore file, or a private key on standard input")
		.option("--file <file>", "a keystore file (version 3)")
		.action(act(async () => (await import("./commands/wallet.js")).importKey));
	wallet
		.command("show [name]")
		.description("addresses")
		.action(act(async () => (await import("./commands/wallet.js")).show));
	wallet
		.command("balance [name]")
		.description("how much OPG an account or address holds")
		.action(act(async () => (await import("./commands/wallet.js")).balance));
	wallet
		.command("send <to> <opg>")
		.description("send OPG")
		.action(act(async () => (await import("./commands/wallet.js")).send));
	wallet
		.command("export <name>")
		.description("the encrypted keystore file")
		.option("--out <file>", "where to write it")
		.action(act(async () => (await import("./commands/wallet.js")).exportKey));

	const model = program.command("model").description("publish and look after models");
	model
		.command("inspect <file>")
		.description("what a model file takes and gives")
		.action(act(async () => (await import("./commands/model.js")).inspect));
	model
		.command("publish [file]")
		.description("publish a model that you own: a file, or one of a Hugging Face repository")
		.option("--hf <owner/name>", "take file, licence and card from this repository (HF_ENDPOINT, HF_TOKEN)")
		.option("--hf-file <path>", "its file, where it holds several models")
		.option("--hf-revision <name>", "its branch, tag or commit (default main)")
		.requiredOption("--name <namespace/name>", "the model's name; a free namespace becomes yours")
		.requiredOption("--price <opg>", "price of one call")
		.option("--price-input <opg>", "price of one input unit", "0")
		.option("--price-output <opg>", "price of one output unit", "0")
		.option("--release <major.minor>", "number of the release", "1.0")
		.option("--parent <release:bps>", "a release that this one is made from, and its share in basis points", collect, [])
		.option("--card <file>", "the model's card (Markdown)")
		.option("--licence <spdx>", "licence (default Apache-2.0)")
		.option("--licence-file <file>", "a licence of your own, kept with the release")
		.option("--title <text>", "a name for people")
		.option("--task <text>", "what it does, in a few words")
		.option("--tag <word>", "a tag", collect, [])
		.option("--descendant-share <bps>", "least share that models made from this one must give it", "0")
		.option("--descendant-floor <opg>", "least amount per call that models made from this one must give it", "0")
		.action(act(async () => (await import("./commands/model.js")).publish));
	model
		.command("list [words...]")
		.description("find models")
		.option("--sort <order>", "calls, earnings, newest or name", "newest")
		.action(act(async () => (await import("./commands/model.js")).list));
	model
		.command("show <model>")
		.description("releases, price, lineage, use")
		.action(act(async () => (await import("./commands/model.js")).show));
	addOwnVerbs(model, act);
	addOwnershipVerbs(program, act, collect);

	program
		.command("infer <model>")
		.description("ask a model, pay its owners, check the answer")
		.option("--input <file>", "JSON file {name: tensor}")
		.option("--quote", "say what it would cost, and stop")
		.option("--mode <mode>", "fast or bit-exact", "fast")
		.option("--max <opg>", "refuse to pay more than this")
		.option("--deposit <opg>", "how much to put into a new channel")
		.option("--receipt <file>", "write the receipt file here, once it is anchored")
		.option("--no-wait", "write the receipt file at once, anchored or not")
		.action(act(async () => (await import("./commands/infer.js")).infer));

	program
		.command("chat [model]")
		.description("talk to a language model (default freehold/chat); each answer is paid and checked")
		.option("--message <text>", "say this, print the answer, and stop")
		.option("--system <text>", "instructions to the model")
		.option("--max-tokens <n>", "longest answer, in tokens", "512")
		.option("--max <opg>", "refuse to pay more than this for one answer")
		.option("--tools", "let the model work out sums, look at the network's models and search the documentation; each time one more answer is paid")
		.action(act(async () => (await import("./commands/chat.js")).chat));
	program
		.command("proxy")
		.description("an endpoint on this machine for OpenAI and Anthropic clients: pays by voucher, checks every receipt before it ends an answer")
		.option("--port <port>", "port on 127.0.0.1; 0 takes a free one", "8580")
		.option("--budget <opg>", "most that it may spend", "5")
		.option("--token <text>", "the API key that programs must give (default: a new one each time)")
		.option("--refill-keys", "sign the next tranche of your API keys when one runs low")
		.action(act(async () => (await import("./commands/proxy.js")).proxy));
	program
		.command("mcp")
		.description("a Model Context Protocol server on standard input and output: ask, earnings, verify")
		.option("--budget <opg>", "most that it may spend", "1")
		.action(act(async () => (await import("./commands/mcp.js")).mcp));

	const key = program.command("key").description("API keys for programs that hold no account");
	key
		.command("create")
		.description("make a key that your own channel backs; what is at risk is one tranche, which you sign for in advance")
		.requiredOption("--budget <opg>", "most that may ever be spent with it; goes into a channel of its own")
		.option("--models <names>", "models that it may ask, separated by commas (default: all)")
		.option("--expires <when>", "30d, 12h or a date")
		.option("--daily <opg>", "most on one day (UTC)")
		.option("--tranche <opg>", "what is signed for in advance (default: the budget, at most 5)")
		.option("--name <text>", "a name for people")
		.action(act(async () => (await import("./commands/key.js")).create));
	key
		.command("list")
		.description("your keys and what they spent")
		.action(act(async () => (await import("./commands/key.js")).list));
	key
		.command("refill <key>")
		.description("sign for the next tranche")
		.option("--tranche <opg>", "how much (default: what is left of the budget, at most 5)")
		.action(act(async () => (await import("./commands/key.js")).refill));
	key
		.command("accept <key> <models...>")
		.description("read and accept the licences of models, and keep that with the key: models whose owner wrote one are refused without it")
		.action(act(async () => (await import("./commands/key.js")).accept));
	key
		.command("revoke <key>")
		.description("end a key at once")
		.action(act(async () => (await import("./commands/key.js")).revoke));

	const channel = program.command("channel").description("the prepaid channel that calls are paid from");
	channel
		.command("open <opg>")
		.description("put OPG into your channel now (a call opens one by itself)")
		.action(act(async () => (await import("./commands/channel.js")).open));
	channel
		.command("show")
		.description("deposit, spent, left")
		.action(act(async () => (await import("./commands/channel.js")).show));
	channel
		.command("close")
		.description("get back what is left")
		.action(act(async () => (await import("./commands/channel.js")).close));

	const receipt = program.command("receipt").description("receipt files");
	receipt
		.command("show <file>")
		.description("what a receipt says")
		.action(act(async () => (await import("./commands/receipt.js")).show));
	receipt
		.command("verify <file>")
		.description("check a receipt; opens no network connection")
		.option("--checkpoint <file>", "a checkpoint file or a network.json (default: checkpoint.json of the data folder)")
		.option("--require <kinds>", "kinds of evidence that must hold, separated by commas")
		.action(act(async () => (await import("./commands/receipt.js")).verify));
	receipt
		.command("refresh <file>")
		.description("complete a receipt, or prove an old one against a newer block")
		.option("--checkpoint <file>", "prove it from this checkpoint on (default: the network's)")
		.option("--out <file>", "where to write it (default: the file itself)")
		.action(act(async () => (await import("./commands/receipt.js")).refresh));

	addCheckpointVerbs(program, act, collect);

	const earnings = program.command("earnings").description("what your models earned");
	earnings
		.command("show")
		.description("claimable, on its way, by model")
		.option("--by <columns>", "break it down by day, release, source, or several of them with commas")
		.action(act(async () => (await import("./commands/earnings.js")).show));
	earnings
		.command("claim")
		.description("pay out what is claimable")
		.option("--to <account>", "who gets it (default: the account itself)")
		.action(act(async () => (await import("./commands/earnings.js")).claim));

	addNodeVerbs(program, act);

	program
		.command("export <dir>")
		.description("take along what is yours: models, receipts, licences, income, key; open formats, docs/formats/export.md")
		.option("--receipt <file>", "a receipt file that belongs in it too", collect, [])
		.option("--whole", "the whole network: its chain and every blob")
		.action(act(async () => (await import("./commands/leave.js")).exportAll));
	program
		.command("import <dir>")
		.description("publish an export on this network: same owner, same bytes, same ids")
		.option("--whole", "the blobs of a whole network, into storage")
		.option("--storage-url <url>", "with --whole: the storage (default: the network's)")
		.action(act(async () => (await import("./commands/leave.js")).importAll));

	addValidatorVerbs(program, act, collect);

	const debug = program.command("debug", { hidden: true }).description("for tests");
	debug
		.command("crash-points")
		.description("names for FREEHOLD_CRASH_AT")
		.action(act(async () => (await import("./commands/node.js")).crashPoints));
}

/** Says what went wrong and what to do. Never prints a stack: an unexpected error names itself in one line. */
function report(context: CommandContext, error: unknown): number {
	const known = error instanceof FreeholdError ? error : undefined;
	if (context.signal.aborted && !context.output.json) {
		context.output.note("Stopped.");
		return INTERRUPTED;
	}
	const message = known?.message ?? (error instanceof Error ? error.message : String(error));
	if (context.output.json) context.output.result(known === undefined ? { error: { code: "internal", message } } : { error: errorBody(known) }, () => "");
	else process.stderr.write(`${context.output.bad("✗")} ${message}\n`);
	return REFUSED;
}

function collect(value: string, before: readonly string[]): readonly string[] {
	return [...before, value];
}
