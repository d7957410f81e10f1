/** Telling `freehold node run <role>` from all other commands, without loading any of them. */

/** `argv` without the words `node run <role>`, when it runs a role: that role parses the rest by its own table. */
export function roleCommand(argv: readonly string[]): { readonly role: string; readonly rest: readonly string[] } | undefined {
	const at = argv.indexOf("node");
	const role = argv[at + 2];
	// Before the verb stand flags and their values only.
	if (at < 0 || argv[at + 1] !== "run" || role === undefined || role.startsWith("--")) return undefined;
	if (argv.slice(0, at).some((word, index) => !word.startsWith("--") && !argv[index - 1]?.startsWith("--"))) return undefined;
	return { role, rest: [...argv.slice(0, at), ...argv.slice(at + 3)] };
}
