/** Searches the logs of a test run for private keys: those of development accounts and every one that a test's programs made. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mnemonicToAccount } from "viem/accounts";

const MNEMONIC = "test test test test test test test test test test test junk";
const DEVELOPMENT_ACCOUNTS = 20;

/** What was found, in words that do not repeat it. `folder` holds `*.log` and, one a line, `keys`. */
export function findSecrets(folder) {
	const keys = new Map([[MNEMONIC, "the development mnemonic"]]);
	for (let addressIndex = 0; addressIndex < DEVELOPMENT_ACCOUNTS; addressIndex++) {
		const key = mnemonicToAccount(MNEMONIC, { addressIndex }).getHdKey().privateKey;
		if (key !== null) add(key, `the key of dev-${addressIndex}`);
	}
	const made = join(folder, "keys");
	if (existsSync(made)) for (const line of new Set(readFileSync(made, "utf8").split("\n"))) addText(line.trim());

	function addText(text) {
		const digits = text.startsWith("0x") ? text.slice(2) : text;
		if (/^[0-9a-fA-F]{64,128}$/.test(digits)) add(Buffer.from(digits, "hex").subarray(0, 32), "a key that a program made");
	}
	function add(bytes, name) {
		const buffer = Buffer.from(bytes);
		keys.set(buffer.toString("hex"), name);
		keys.set(buffer.toString("base64").replace(/=+$/, ""), `${name}, in base64`);
		keys.set([...buffer].join(","), `${name}, byte by byte`);
	}
	const logs = readdirSync(folder).filter((name) => name.endsWith(".log"));
	const found = [];
	for (const log of logs) {
		const text = readFileSync(join(folder, log), "utf8");
		const lower = text.toLowerCase();
		for (const [spelling, name] of keys) {
			const at = /^[0-9a-f]+$/.test(spelling) ? lower.indexOf(spelling) : text.indexOf(spelling);
			if (at >= 0) found.push(`${name} stands in a log, after: ${JSON.stringify(text.slice(Math.max(0, at - 80), at))}`);
		}
	}
	return { logs: logs.length, keys: keys.size, found };
}
