/** From command line and environment to a checked configuration: pure, so that a mistake is told before anything has started. */
import type { ConfigOf, OptionSpec, OptionTable } from "../program/program.js";
import { invalidOption } from "./options.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Values of a table of options. The command line beats the environment, which beats the default. Throws `config.invalid`. */
export function readConfig<O extends OptionTable>(table: O, argv: readonly string[], env: Environment, role: string): ConfigOf<O> {
	const given = readArguments(table, argv);
	const config: Record<string, unknown> = {};
	for (const [name, spec] of Object.entries(table)) {
		const flag = flagOf(name);
		const text = given.get(name) ?? env[environmentName(role, name)];
		if (text !== undefined) config[name] = spec.parse(text, flag);
		else if ("default" in spec) config[name] = spec.default;
		else throw invalidOption(flag, `must be given (or ${environmentName(role, name)} in the environment)`);
	}
	return config as ConfigOf<O>;
}

/** `--data-dir` of `dataDir`. */
export function flagOf(name: string): string {
	return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `FREEHOLD_LEDGER_DATA_DIR` of `dataDir` in the role `ledger`. */
export function environmentName(role: string, name: string): string {
	return `FREEHOLD_${role.toUpperCase()}_${flagOf(name).slice(2).replaceAll("-", "_").toUpperCase()}`;
}

function readArguments(table: OptionTable, argv: readonly string[]): Map<string, string> {
	const names = new Map(Object.keys(table).map((name) => [flagOf(name), name]));
	const given = new Map<string, string>();
	for (let index = 0; index < argv.length; index++) {
		const word = argv[index] as string;
		const sign = word.indexOf("=");
		const flag = sign < 0 ? word : word.slice(0, sign);
		const name = names.get(flag);
		if (name === undefined) throw invalidOption(flag, flag.startsWith("--") ? "is not known" : "is no option");
		if (given.has(name)) throw invalidOption(flag, "is given twice");
		if (sign >= 0) given.set(name, word.slice(sign + 1));
		else if (isSwitch(table[name])) given.set(name, "true");
		else {
			const value = argv[index + 1];
			if (value === undefined || value.startsWith("--")) throw invalidOption(flag, "needs a value");
			given.set(name, value);
			index += 1;
		}
	}
	return given;
}

function isSwitch(spec: OptionSpec<unknown> | undefined): boolean {
	return spec?.argument === "";
}
