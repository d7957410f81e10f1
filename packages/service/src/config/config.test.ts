import { describe, expect, it } from "vitest";
import { environmentName, flagOf, readConfig } from "./config.js";
import {
	addressOption,
	booleanOption,
	choiceOption,
	durationOption,
	integerOption,
	opgOption,
	optional,
	pathOption,
	portOption,
	sizeOption,
	textOption,
	urlListOption,
	urlOption,
} from "./options.js";

const words = { help: "", group: "" };
const table = {
	rpcUrl: urlOption(words),
	port: portOption({ ...words, default: 8545 }),
	keyFile: optional(pathOption(words)),
	dev: booleanOption({ ...words, default: false }),
};

describe("configuration", () => {
	it("comes from the command line, then the environment, then the default", () => {
		const env = { FREEHOLD_GATEWAY_RPC_URL: "http://env", FREEHOLD_GATEWAY_PORT: "1" };
		expect(readConfig(table, ["--rpc-url", "http://argument/"], env, "gateway")).toEqual({
			rpcUrl: "http://argument",
			port: 1,
			keyFile: undefined,
			dev: false,
		});
		expect(readConfig(table, ["--rpc-url=https://a/b?".slice(0, -1), "--dev", "--key-file", "/k"], {}, "gateway")).toEqual({
			rpcUrl: "https://a/b",
			port: 8545,
			keyFile: "/k",
			dev: true,
		});
	});

	it("is refused by the name of the option that is wrong", () => {
		const read =
			(argv: readonly string[], env = {}): (() => unknown) =>
			() =>
				readConfig(table, argv, env, "gateway");
		expect(read([])).toThrow("Option --rpc-url: must be given (or FREEHOLD_GATEWAY_RPC_URL in the environment)");
		expect(read(["--rpc-url", "http://a", "--nope", "1"])).toThrow("Option --nope: is not known");
		expect(read(["--rpc-url", "http://a", "stray"])).toThrow("Option stray: is no option");
		expect(read(["--rpc-url"])).toThrow("Option --rpc-url: needs a value");
		expect(read(["--rpc-url", "http://a", "--rpc-url", "http://b"])).toThrow("is given twice");
		expect(read(["--rpc-url", "http://a"], { FREEHOLD_GATEWAY_PORT: "70000" })).toThrow("Option --port: must be a whole number from 0 to 65535");
	});

	it("spells names the same way everywhere", () => {
		expect(flagOf("maxUnitsPerCall")).toBe("--max-units-per-call");
		expect(environmentName("inference", "nodeFee")).toBe("FREEHOLD_INFERENCE_NODE_FEE");
	});
});

describe("option values", () => {
	const accepted: [name: string, spec: { parse: (text: string, option: string) => unknown }, text: string, value: unknown][] = [
		["opg", opgOption(words), "0.05", 50_000_000_000_000_000n],
		["opg", opgOption(words), "1000", 1000n * 10n ** 18n],
		["opg", opgOption(words), "0.000000000000000001", 1n],
		["duration", durationOption(words), "250ms", 250],
		["duration", durationOption(words), "5m", 300_000],
		["duration", durationOption(words), "10", 10_000],
		["size", sizeOption(words), "4GiB", 4 * 1024 ** 3],
		["size", sizeOption(words), "10MB", 10_000_000],
		["integer", integerOption({ ...words, min: -3 }), "-3", -3],
		["boolean", booleanOption(words), "0", false],
		["choice", choiceOption(["solo", "cometbft"], words), "solo", "solo"],
		["address", addressOption(words), "0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"],
		["urls", urlListOption(words), "http://a, http://b/", ["http://a", "http://b"]],
		["text", textOption(words), "x", "x"],
	];
	it.each(accepted)("%s %#: reads what it should", (_, spec, text, value) => expect(spec.parse(text, "--x")).toEqual(value));

	const refused: [name: string, spec: { parse: (text: string, option: string) => unknown }, text: string][] = [
		["opg", opgOption(words), "0.0000000000000000001"],
		["opg", opgOption(words), "-1"],
		["opg", opgOption(words), "1e3"],
		["opg", opgOption(words), ""],
		["duration", durationOption(words), "5 minutes"],
		["size", sizeOption(words), "4 GiB"],
		["size", sizeOption(words), "999999999999999GiB"],
		["integer", integerOption(words), "1.5"],
		["integer", integerOption({ ...words, max: 3 }), "4"],
		["url", urlOption(words), "ftp://a"],
		["url", urlOption(words), "http://user:secret@a"],
		["url", urlOption(words), "http://a/?x=1"],
		["boolean", booleanOption(words), "yes"],
		["choice", choiceOption(["solo"], words), "duo"],
		["address", addressOption(words), "0x12"],
		["text", textOption(words), ""],
	];
	it.each(refused)("%s %#: refuses the rest", (_, spec, text) => expect(() => spec.parse(text, "--x")).toThrow(/^Option --x:/));
});
